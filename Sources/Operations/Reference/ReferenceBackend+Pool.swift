import CElementary
import Glibc
public import Tensors

extension ReferenceBackend {
  /// Maximum, average or Lp pooling of `x` `[N, C, spatial...]`, of any spatial rank.
  ///
  /// The taps of a window are taken in row-major order. The maximum knows floating point (a NaN wins)
  /// and integers; a window without a tap on the input gives -infinity or the type's smallest value.
  /// An average is the sum from 0 divided by the number of taps counted; with `countsBorder` those
  /// inside input and border. The p-norm is `|x|` added, `fma(x, x, sum)` and a square root, or
  /// `pow(sum of pow(|x|, p), 1 / p)`.
  public func pool(_ x: Tensor, _ pooling: Pooling) -> Tensor {
    if pooling.function != .maximum || x.elementType.isFloatingPoint {
      precondition(x.elementType.isFloatingPoint, "\(pooling.function) of \(x.elementType)")
      return x.elementType == .float64
        ? poolFloats(x, pooling, Double.self)
        : poolFloats(x.widened(), pooling, Float.self).narrowed(to: x.elementType)
    }
    return withIntegerType(x.elementType, IntegerMaximum(x: x, pooling: pooling))
  }

  private func poolFloats<Scalar: ReferenceFloat>(
    _ x: Tensor, _ pooling: Pooling, _: Scalar.Type
  ) -> Tensor {
    switch pooling.function {
    case .maximum:
      poolWindows(x, pooling, -Scalar.infinity) { m, v in
        v > m || v.isNaN ? v : m
      } finish: {
        m, _ in
        m
      }
    case .average:
      poolWindows(x, pooling, Scalar(0)) {
        $0 + $1
      } finish: {
        $0 / Scalar($1)
      }
    case .norm(1):
      poolWindows(x, pooling, Scalar(0)) {
        $0 + $1.magnitude
      } finish: { sum, _ in
        sum
      }
    case .norm(2):
      poolWindows(x, pooling, Scalar(0)) {
        $0.addingProduct($1, $1)
      } finish: { sum, _ in
        sum.squareRoot()
      }
    case .norm(let p):
      poolWindows(x, pooling, Scalar(0)) {
        $0 + Scalar.power($1.magnitude, Scalar(p))
      } finish: {
        sum, _ in
        Scalar.power(sum, 1 / Scalar(p))
      }
    }
  }
}

private struct IntegerMaximum: IntegerVisitor {
  let x: Tensor
  let pooling: Pooling

  func visit<Scalar: FixedWidthInteger & TensorScalar>(_: Scalar.Type) -> Tensor {
    poolWindows(x, pooling, Scalar.min) {
      max($0, $1)
    } finish: { m, _ in
      m
    }
  }
}

/// Folds every window from `initial` with `combine`, then `finish(result, taps counted)`.
@inline(__always)
private func poolWindows<Scalar: BitwiseCopyable>(
  _ x: Tensor, _ pooling: Pooling, _ initial: Scalar, _ combine: (Scalar, Scalar) -> Scalar,
  finish: (Scalar, Int) -> Scalar
) -> Tensor {
  precondition(MemoryLayout<Scalar>.size == x.elementType.byteCount)
  let windows = PoolWindows(x.shape, pooling)
  return Tensor(x.elementType, shape: Array(x.shape[..<2]) + pooling.outputExtents) { memory in
    let to = memory.assumingMemoryBound(to: Scalar.self)
    x.withPointer(to: Scalar.self) { from in
      let planes = x.shape[0] * x.shape[1]
      let grain = max(1, elementGrain / max(1, windows.outputCount * windows.tapCount))
      concurrentRanges(planes, grain: grain) { range in
        for plane in range {
          let source = from + plane * windows.inputCount
          let target = to + plane * windows.outputCount
          windows.forEachOutput(initial) {
            combine($0, source[$1])
          } _: { output, result, counted in
            target[output] = finish(result, counted)
          }
        }
      }
    }
  }
}

/// The windows of a pooling over one plane, which may have any number of spatial dimensions.
struct PoolWindows {
  /// What one output coordinate along one axis covers: the taps `first + i * dilation` for `i` in
  /// `0..<count`, which fall on the input, and how many taps an average counts.
  private struct Span {
    var first: Int
    var count: Int
    var counted: Int
  }

  private let spans: [[Span]]
  private let dilations: [Int]
  private let inputStrides: [Int]
  private let outputExtents: [Int]

  /// Elements of an input plane.
  let inputCount: Int
  /// Outputs of a plane.
  let outputCount: Int
  /// Taps of a window.
  let tapCount: Int

  /// The windows over an input `[N, C, spatial...]`.
  init(_ shape: [Int], _ pooling: Pooling) {
    let window = pooling.window
    let extents = Array(shape[2...])
    precondition(
      extents.count == window.kernel.count && extents.count == pooling.outputExtents.count)
    var countsBorder = false
    if case .average(countsBorder: true) = pooling.function { countsBorder = true }
    spans = extents.indices.map { axis in
      let padded = -window.padBefore[axis]..<(extents[axis] + window.padAfter[axis])
      return (0..<pooling.outputExtents[axis]).map { output in
        let start = output * window.strides[axis] - window.padBefore[axis]
        let all = (0..<window.kernel[axis]).map { start + $0 * window.dilations[axis] }
        let taps = all.filter { (0..<extents[axis]).contains($0) }
        return Span(
          first: taps.first ?? 0, count: taps.count,
          counted: countsBorder ? all.count { padded.contains($0) } : taps.count)
      }
    }
    dilations = window.dilations
    inputStrides = rowMajorStrides(extents)
    outputExtents = pooling.outputExtents
    inputCount = extents.reduce(1, *)
    outputCount = pooling.outputExtents.reduce(1, *)
    tapCount = window.kernel.reduce(1, *)
  }

  /// Calls `body` with every output's offset in the plane and its fold: `initial` combined with the
  /// plane offset of every tap that falls on the input, in row-major order; and how many taps an
  /// average counts.
  @inline(__always)
  func forEachOutput<Value>(
    _ initial: Value, _ combine: (Value, _ tap: Int) -> Value,
    _ body: (_ output: Int, Value, _ counted: Int) -> Void
  ) {
    guard spans.count == 2 else { return forEachOutputOfAnyRank(initial, combine, body) }
    let (rowStep, columnStep) = (dilations[0] * inputStrides[0], dilations[1])
    spans[1].withUnsafeBufferPointer { columns in
      for (y, row) in spans[0].enumerated() {
        for x in columns.indices {
          let column = columns[x]
          var value = initial
          var start = row.first * inputStrides[0] + column.first
          for _ in 0..<row.count {
            for tap in 0..<column.count { value = combine(value, start + tap * columnStep) }
            start += rowStep
          }
          body(y * columns.count + x, value, row.counted * column.counted)
        }
      }
    }
  }

  private func forEachOutputOfAnyRank<Value>(
    _ initial: Value, _ combine: (Value, Int) -> Value, _ body: (Int, Value, Int) -> Void
  ) {
    for output in 0..<outputCount {
      var (rest, counted, base) = (output, 1, 0)
      var counts = outputExtents
      for axis in spans.indices.reversed() {
        let span = spans[axis][rest % outputExtents[axis]]
        rest /= outputExtents[axis]
        counts[axis] = span.count
        counted *= span.counted
        base += span.first * inputStrides[axis]
      }
      var value = initial
      for tap in 0..<counts.reduce(1, *) {
        var (position, offset) = (tap, base)
        for axis in spans.indices.reversed() {
          offset += position % counts[axis] * dilations[axis] * inputStrides[axis]
          position /= counts[axis]
        }
        value = combine(value, offset)
      }
      body(output, value, counted)
    }
  }
}
