public import Tensors

extension ReferenceBackend {
  /// Dimension `i` of the result is dimension `permutation[i]` of `x`.
  public func transpose(_ x: Tensor, _ permutation: [Int]) -> Tensor {
    precondition(permutation.sorted() == Array(0..<x.rank), "\(permutation) is no permutation")
    if permutation.elementsEqual(0..<x.rank) { return x }
    let strides = rowMajorStrides(x.shape)
    return strided(
      x, shape: permutation.map { x.shape[$0] }, strides: permutation.map { strides[$0] })
  }

  /// `x` repeated to `shape` as NumPy broadcasts.
  public func broadcast(_ x: Tensor, to shape: [Int]) -> Tensor {
    precondition(
      broadcastShape([x.shape, shape]) == shape, "\(x.shape) does not broadcast to \(shape)")
    if x.shape == shape { return x }
    return strided(x, runs: StridedRuns(shape: shape, broadcasting: [x.shape]), shape: shape)
  }

  /// Along every axis, `extents[i]` elements from `starts[i]` in steps of `steps[i]`, which may be
  /// negative.
  public func slice(_ x: Tensor, starts: [Int], steps: [Int], extents: [Int]) -> Tensor {
    let strides = rowMajorStrides(x.shape)
    var offset = 0
    for axis in x.shape.indices where extents[axis] > 0 {
      let last = starts[axis] + steps[axis] * (extents[axis] - 1)
      precondition(
        (0..<x.shape[axis]).contains(starts[axis]) && (0..<x.shape[axis]).contains(last),
        "slice beyond \(x.shape) along axis \(axis)")
      offset += starts[axis] * strides[axis]
    }
    return strided(
      x, shape: extents, strides: zip(strides, steps).map { $0 * $1 }, offset: offset)
  }

  /// The tensors, equal but for the extent of `axis`, one after the other along it.
  public func concatenate(_ values: [Tensor], axis: Int) -> Tensor {
    precondition(!values.isEmpty, "nothing to concatenate")
    let first = values[0]
    var shape = first.shape
    shape[axis] = values.reduce(0) { $0 + $1.shape[axis] }
    let outer = shape[..<axis].reduce(1, *)
    let rowBytes = shape[axis...].reduce(first.elementType.byteCount, *)
    return Tensor(first.elementType, shape: shape) { memory in
      var start = 0
      for value in values {
        precondition(value.elementType == first.elementType && value.rank == first.rank)
        let bytes = value.shape[axis...].reduce(value.elementType.byteCount, *)
        value.withBytes { from in
          guard let base = from.baseAddress else { return }
          for row in 0..<outer {
            (memory + row * rowBytes + start).copyMemory(from: base + row * bytes, byteCount: bytes)
          }
        }
        start += bytes
      }
    }
  }

  /// Slices of `x` along `axis` at `indices` (`int64`, in `0..<extent`); the result has the shape of
  /// `indices` in place of the axis.
  public func gather(_ x: Tensor, indices: Tensor, axis: Int) -> Tensor {
    let extent = x.shape[axis]
    let outer = x.shape[..<axis].reduce(1, *)
    let bytes = x.shape[(axis + 1)...].reduce(x.elementType.byteCount, *)
    let shape = Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...])
    let chosen = indices.array(of: Int64.self).map(Int.init)
    precondition(
      chosen.allSatisfy { (0..<extent).contains($0) }, "an index is outside 0..<\(extent)")
    return Tensor(x.elementType, shape: shape) { memory in
      x.withBytes { from in
        guard let base = from.baseAddress, bytes > 0 else { return }
        let grain = max(1, elementGrain / max(1, bytes))
        concurrentRanges(outer * chosen.count, grain: grain) { range in
          for row in range {
            let source = (row / chosen.count) * extent + chosen[row % chosen.count]
            (memory + row * bytes).copyMemory(from: base + source * bytes, byteCount: bytes)
          }
        }
      }
    }
  }

  // MARK: - Strided copies

  /// A result of `shape` whose axes step over `x` by `strides` elements from element `offset`.
  private func strided(_ x: Tensor, shape: [Int], strides: [Int], offset: Int = 0) -> Tensor {
    let runs = StridedRuns(shape: shape, operandStrides: [strides])
    return strided(x, runs: runs, shape: shape, offset: offset)
  }

  private func strided(
    _ x: Tensor, runs: StridedRuns, shape: [Int], offset: Int = 0
  ) -> Tensor {
    Tensor(x.elementType, shape: shape) { memory in
      withWordType(x.elementType, StridedCopy(x: x, runs: runs, offset: offset, memory: memory))
    }
  }
}

private struct StridedCopy: WordVisitor {
  let x: Tensor
  let runs: StridedRuns
  let offset: Int
  let memory: UnsafeMutableRawPointer

  func visit<Word: BitwiseCopyable>(_: Word.Type) {
    let to = memory.assumingMemoryBound(to: Word.self)
    let step = runs.runStrides[0]
    x.withPointer(to: Word.self) { elements in
      concurrentRanges(runs.count, grain: elementGrain) { range in
        runs.forEachRun(in: range) { start, count, offsets in
          let (target, source) = (to + start, elements + offset + offsets[0])
          if step == 1 {
            target.update(from: source, count: count)
          } else {
            for i in 0..<count { target[i] = source[i * step] }
          }
        }
      }
    }
  }
}
