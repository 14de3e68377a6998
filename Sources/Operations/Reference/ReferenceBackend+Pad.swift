public import Tensors

extension ReferenceBackend {
  /// `x` with a border; negative widths crop.
  public func pad(_ x: Tensor, _ padding: Padding) -> Tensor {
    let maps = x.shape.indices.map { axis in
      padding.indexMap(extent: x.shape[axis], axis: axis)
    }
    var fill = 0.0
    if case .constant(let value) = padding.mode { fill = value }
    return selectIndices(x, maps, fill: fill)
  }

  /// The element at `[maps[0][i], maps[1][j], ...]` for every `[i, j, ...]`; `fill`, converted to the
  /// elements' type, where an index is negative.
  func selectIndices(_ x: Tensor, _ maps: [[Int]], fill: Double = 0) -> Tensor {
    let shape = maps.map(\.count)
    return Tensor(x.elementType, shape: shape) { memory in
      withWordType(x.elementType, IndexedCopy(x: x, maps: maps, fill: fill, memory: memory))
    }
  }
}

extension Padding {
  /// For every index along `axis` of the result, the index along `axis` of the input, or -1 on a
  /// constant border.
  func indexMap(extent: Int, axis: Int) -> [Int] {
    let count = extent + before[axis] + after[axis]
    precondition(count >= 0, "axis \(axis) is cropped by more than its extent \(extent)")
    return (0..<count).map { position in
      let index = position - before[axis]
      if (0..<extent).contains(index) { return index }
      if case .constant = mode { return -1 }
      precondition(extent > 0, "an axis without elements has no border to repeat")
      switch mode {
      case .constant: return -1
      case .edge: return index < 0 ? 0 : extent - 1
      case .wrap: return modulo(index, extent)
      case .reflect:
        if extent == 1 { return 0 }
        let folded = modulo(index, 2 * (extent - 1))
        return min(folded, 2 * (extent - 1) - folded)
      }
    }
  }
}

/// The remainder of the division towards minus infinity, for a positive `divisor`.
private func modulo(_ value: Int, _ divisor: Int) -> Int {
  let remainder = value % divisor
  return remainder < 0 ? remainder + divisor : remainder
}

private struct IndexedCopy: WordVisitor {
  let x: Tensor
  let maps: [[Int]]
  let fill: Double
  let memory: UnsafeMutableRawPointer

  /// Consecutive results along the last axis that come from consecutive elements, or from none.
  struct Segment {
    var start: Int
    var source: Int
    var count: Int
  }

  func visit<Word: BitwiseCopyable>(_: Word.Type) {
    let border = ReferenceBackend.shared.cast(Tensor(scalar: fill), to: x.elementType)
    let fillWord: Word = border.withPointer { $0.pointee }
    let to = memory.assumingMemoryBound(to: Word.self)
    let width = maps.last?.count ?? 1
    let last = maps.last ?? [0]
    let segments = Self.segments(last)
    let outer = Array(maps.dropLast())
    let strides = rowMajorStrides(x.shape)
    let rows = outer.reduce(1) { $0 * $1.count }
    x.withPointer(to: Word.self) { elements in
      concurrentRanges(rows, grain: max(1, elementGrain / max(1, width))) { range in
        for row in range {
          let target = to + row * width
          guard let source = Self.offset(of: row, outer, strides) else {
            target.update(repeating: fillWord, count: width)
            continue
          }
          if segments.count * 2 > width {
            // Hardly any neighbours: element by element.
            for (position, index) in last.enumerated() {
              target[position] = index < 0 ? fillWord : elements[source + index]
            }
            continue
          }
          for segment in segments {
            if segment.source < 0 {
              (target + segment.start).update(repeating: fillWord, count: segment.count)
            } else {
              (target + segment.start).update(
                from: elements + source + segment.source, count: segment.count)
            }
          }
        }
      }
    }
  }

  private static func segments(_ map: [Int]) -> [Segment] {
    var segments: [Segment] = []
    for (position, index) in map.enumerated() {
      if let last = segments.last,
        index < 0 ? last.source < 0 : last.source >= 0 && index == last.source + last.count
      {
        segments[segments.count - 1].count += 1
      } else {
        segments.append(Segment(start: position, source: index, count: 1))
      }
    }
    return segments
  }

  /// Where a row of the result begins in `x`, or `nil` when it lies on the border.
  private static func offset(of row: Int, _ maps: [[Int]], _ strides: [Int]) -> Int? {
    var (rest, offset) = (row, 0)
    for axis in maps.indices.reversed() {
      let index = maps[axis][rest % maps[axis].count]
      rest /= maps[axis].count
      if index < 0 { return nil }
      offset += index * strides[axis]
    }
    return offset
  }
}
