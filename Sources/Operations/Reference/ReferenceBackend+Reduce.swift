import CElementary
import Glibc
public import Tensors

extension ReferenceBackend {
  /// `function` over `axes`, which keep extent 1 in the result.
  ///
  /// Sums of floating-point numbers have the order of `CanonicalSum`; squares are added with `fma`;
  /// a product is taken in row-major order from 1. A mean is the sum divided by the count, of
  /// integers towards zero. Minimum and maximum of a NaN are a NaN. Of no elements a sum is 0, a
  /// product 1, a mean NaN (of integers 0), a maximum -infinity or the type's smallest value. 16-bit
  /// floating point is computed in `float32` and rounded once at the end.
  public func reduce(_ function: Reduction, _ x: Tensor, axes: [Int]) -> Tensor {
    let reduced = Set(axes)
    let kept = x.shape.indices.filter { !reduced.contains($0) }
    let last = x.shape.indices.filter { reduced.contains($0) }
    let rows = transpose(x.widened(), kept + last)
    let shape = x.shape.indices.map { reduced.contains($0) ? 1 : x.shape[$0] }
    let extent = last.reduce(1) { $0 * x.shape[$1] }
    let arguments = RowReduction(function: function, rows: rows, extent: extent, shape: shape)
    switch x.elementType {
    case .float32, .float16, .bfloat16:
      return arguments.floats(Float.self).narrowed(to: x.elementType)
    case .float64: return arguments.floats(Double.self)
    case .bool:
      let bytes = Tensor(elementType: .uint8, shape: rows.shape, storage: rows.storage)
      precondition(function == .maximum || function == .minimum, "\(function) of bool")
      var byteRows = arguments
      byteRows.rows = bytes
      if extent == 0 { return Tensor(repeating: function == .minimum, shape: shape) }
      let result = byteRows.visit(UInt8.self)
      return Tensor(elementType: .bool, shape: shape, storage: result.storage)
    default: return withIntegerType(x.elementType, arguments)
    }
  }
}

/// A reduction of rows that lie behind each other.
private struct RowReduction: IntegerVisitor {
  let function: Reduction
  var rows: Tensor
  let extent: Int
  let shape: [Int]

  func floats<Scalar: ReducibleFloat>(_: Scalar.Type) -> Tensor {
    switch function {
    case .sum: each { (x: UnsafePointer<Scalar>, n) in CanonicalSum.sum(n) { x[$0] } }
    case .mean:
      each { (x: UnsafePointer<Scalar>, n) in CanonicalSum.sum(n) { x[$0] } / Scalar(n) }
    case .maximum: each(maximum(_:_:) as (UnsafePointer<Scalar>, Int) -> Scalar)
    case .minimum:
      each { (x: UnsafePointer<Scalar>, n) in
        var result = Scalar.infinity
        for i in 0..<n where x[i] < result || x[i].isNaN { result = x[i] }
        return result
      }
    case .product:
      each { (x: UnsafePointer<Scalar>, n) in
        var result = Scalar(1)
        for i in 0..<n { result *= x[i] }
        return result
      }
    case .l1:
      each { (x: UnsafePointer<Scalar>, n) in CanonicalSum.sum(n) { x[$0].magnitude } }
    case .l2: each { (x: UnsafePointer<Scalar>, n) in squares(x, n).squareRoot() }
    case .sumOfSquares: each(squares(_:_:) as (UnsafePointer<Scalar>, Int) -> Scalar)
    case .logSum:
      each { (x: UnsafePointer<Scalar>, n) in Scalar.logarithm(CanonicalSum.sum(n) { x[$0] }) }
    case .logSumExp:
      each { (x: UnsafePointer<Scalar>, n) in
        let top = maximum(x, n)
        if top.isInfinite || top.isNaN { return top }
        return top + Scalar.logarithm(CanonicalSum.sum(n) { Scalar.exponential(x[$0] - top) })
      }
    }
  }

  func visit<Scalar: FixedWidthInteger & TensorScalar>(_: Scalar.Type) -> Tensor {
    switch function {
    case .sum: fold(Scalar(0)) { $0 &+ $1 }
    case .mean:
      each { (x: UnsafePointer<Scalar>, n) in
        var sum = Int64(0)
        for i in 0..<n { sum &+= Int64(truncatingIfNeeded: x[i]) }
        return n == 0 ? 0 : Scalar(truncatingIfNeeded: sum / Int64(n))
      }
    case .maximum: fold(Scalar.min) { max($0, $1) }
    case .minimum: fold(Scalar.max) { min($0, $1) }
    case .product: fold(Scalar(1)) { $0 &* $1 }
    case .l1: fold(Scalar(0)) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) }
    case .sumOfSquares: fold(Scalar(0)) { $0 &+ $1 &* $1 }
    case .l2: ofDouble(Scalar.self, .l2)
    case .logSum: ofDouble(Scalar.self, .logSum)
    case .logSumExp: ofDouble(Scalar.self, .logSumExp)
    }
  }

  /// A function with a fractional result, computed in `float64` and cut off.
  private func ofDouble<Scalar: FixedWidthInteger & TensorScalar>(
    _: Scalar.Type, _ function: Reduction
  ) -> Tensor {
    let backend = ReferenceBackend.shared
    let wide = RowReduction(
      function: function, rows: backend.cast(rows, to: .float64), extent: extent, shape: shape)
    return backend.cast(wide.floats(Double.self), to: rows.elementType)
  }

  @inline(__always)
  private func fold<Scalar: TensorScalar>(
    _ initial: Scalar, _ body: (Scalar, Scalar) -> Scalar
  ) -> Tensor {
    each { (x: UnsafePointer<Scalar>, n) in
      var result = initial
      for i in 0..<n { result = body(result, x[i]) }
      return result
    }
  }

  @inline(__always)
  private func each<Scalar: BitwiseCopyable>(
    _ body: (UnsafePointer<Scalar>, Int) -> Scalar
  ) -> Tensor {
    precondition(MemoryLayout<Scalar>.size == rows.elementType.byteCount)
    return Tensor(rows.elementType, shape: shape) { memory in
      let to = memory.assumingMemoryBound(to: Scalar.self)
      rows.withPointer(to: Scalar.self) { from in
        let count = shape.reduce(1, *)
        concurrentRanges(count, grain: max(1, elementGrain / max(1, extent))) { range in
          for row in range { to[row] = body(from + row * extent, extent) }
        }
      }
    }
  }
}

@inline(__always)
private func squares<Scalar: BinaryFloatingPoint>(
  _ x: UnsafePointer<Scalar>, _ count: Int
) -> Scalar {
  CanonicalSum.accumulate(count) { $0.addingProduct(x[$1], x[$1]) }
}

/// The largest of a row, a NaN if it has one, -infinity if it is empty.
@inline(__always)
func maximum<Scalar: BinaryFloatingPoint>(_ x: UnsafePointer<Scalar>, _ count: Int) -> Scalar {
  var result = -Scalar.infinity
  for i in 0..<count where x[i] > result || x[i].isNaN { result = x[i] }
  return result
}

/// The floating-point types whose logarithm and exponential the reference knows.
protocol ReducibleFloat: ReferenceFloat {
  static func exponential(_ x: Self) -> Self
  static func logarithm(_ x: Self) -> Self
}

extension Float: ReducibleFloat {
  static func exponential(_ x: Float) -> Float { ce_exponential(x) }
  static func logarithm(_ x: Float) -> Float { ce_logarithm(x) }
}

extension Double: ReducibleFloat {
  static func exponential(_ x: Double) -> Double { exp(x) }
  static func logarithm(_ x: Double) -> Double { log(x) }
}
