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
  let windows = PoolWindows(x.shape, pooling)
  return Tensor(x.elementType, shape: Array(x.shape[..<2]) + pooling.outputExtents) { memory in
    let to = memory.assumingMemoryBound(to: Scalar.self)
    x.withPointer(to: Scalar.self) { from in
      let planes = x.shape[0] * x.shape[1]
      let grain = max(1, elementGrain / max(1, windows.outputCount * windows.tapCount))
      concurrentRanges(planes, grain: grain) { range in
        for plane in range {
          let source = from + plane * windows.inputCount
          for output in 0..<windows.outputCount {
            var result = initial
            let counted = windows.forEachTap(of: output) { result = combine(result, source[$0]) }
            to[plane * windows.outputCount + output] = finish(result, counted)
          }
        }
      }
    }
  }
}

/// The windows of a pooling over one plane, which may have any number of spatial dimensions.
struct PoolWindows {
  /// What one output coordinate along one axis covers.
  private struct Span {
    /// Input coordinates of the taps that fall on the input, in order.
    var taps: [Int]
    /// Number of taps that an average counts.
    var counted: Int
  }

  private var spans: [[Span]] = []
  private var inputStrides: [Int]
  private var outputExtents: [Int]

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
    for axis in extents.indices {
      let padded = -window.padBefore[axis]..<(extents[axis] + window.padAfter[axis])
      spans.append(
        (0..<pooling.outputExtents[axis]).map { output in
          let start = output * window.strides[axis] - window.padBefore[axis]
          let all = (0..<window.kernel[axis]).map { start + $0 * window.dilations[axis] }
          let taps = all.filter { (0..<extents[axis]).contains($0) }
          return Span(
            taps: taps, counted: countsBorder ? all.count { padded.contains($0) } : taps.count)
        })
    }
    inputStrides = rowMajorStrides(extents)
    outputExtents = pooling.outputExtents
    inputCount = extents.reduce(1, *)
    outputCount = pooling.outputExtents.reduce(1, *)
    tapCount = window.kernel.reduce(1, *)
  }

  /// Calls `body` with the plane offset of every tap that falls on the input, in row-major order, and
  /// returns how many taps an average counts.
  @inline(__always)
  func forEachTap(of output: Int, _ body: (Int) -> Void) -> Int {
    if spans.count == 2 {
      let rows = spans[0][output / outputExtents[1]]
      let columns = spans[1][output % outputExtents[1]]
      for row in rows.taps {
        for column in columns.taps { body(row * inputStrides[0] + column) }
      }
      return rows.counted * columns.counted
    }
    return forEachTap(ofAnyRank: output, body)
  }

  private func forEachTap(ofAnyRank output: Int, _ body: (Int) -> Void) -> Int {
    var (rest, counted) = (output, 1)
    var chosen: [Span] = []
    for axis in spans.indices.reversed() {
      let span = spans[axis][rest % outputExtents[axis]]
      rest /= outputExtents[axis]
      chosen.insert(span, at: 0)
      counted *= span.counted
    }
    let extents = chosen.map(\.taps.count)
    for tap in 0..<extents.reduce(1, *) {
      var (position, offset) = (tap, 0)
      for axis in chosen.indices.reversed() {
        offset += chosen[axis].taps[position % extents[axis]] * inputStrides[axis]
        position /= extents[axis]
      }
      body(offset)
    }
    return counted
  }
}
