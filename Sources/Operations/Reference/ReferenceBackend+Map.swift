import CElementary
import Glibc
public import Tensors

extension ReferenceBackend {
  /// `function` of every element.
  ///
  /// `float32` runs the text of `Kernels/prelude`; 16-bit types run it and round once; `float64`
  /// uses the C library's functions. Integers know `negate`, `absolute` (both wrap), `sign`, `relu`,
  /// `clip`, `complement` and the functions that leave them as they are.
  public func map(_ function: UnaryFunction, _ x: Tensor) -> Tensor {
    switch function {
    case .isNaN: return mapToBool(x) { $0.isNaN }
    case .isInfinite(let positive, let negative):
      return mapToBool(x) { $0.isInfinite && ($0 > 0 ? positive : negative) }
    default: break
    }
    switch x.elementType {
    case .float32: return mapFloat32(function, x)
    case .float16, .bfloat16:
      return mapFloat32(function, x.widened()).narrowed(to: x.elementType)
    case .float64: return mapFloat64(function, x)
    case .bool:
      precondition(function == .not, "\(function) of bool")
      return mapElements(x) { (value: Bool) in !value }
    default: return withIntegerType(x.elementType, IntegerMap(function: function, x: x))
    }
  }

  private func mapFloat32(_ function: UnaryFunction, _ x: Tensor) -> Tensor {
    let (row, a, b) = function.float32Row
    return Tensor(.float32, shape: x.shape) { memory in
      let to = memory.assumingMemoryBound(to: Float.self)
      x.withPointer(to: Float.self) { from in
        concurrentRanges(x.count, grain: elementGrain / 4) { range in
          row(from + range.lowerBound, to + range.lowerBound, range.count, a, b)
        }
      }
    }
  }

  private func mapToBool(_ x: Tensor, _ test: (Double) -> Bool) -> Tensor {
    if x.elementType == .float64 {
      return mapElements(x, to: .bool) { (value: Double) in test(value) }
    }
    precondition(x.elementType.isFloatingPoint, "a test for special values of \(x.elementType)")
    return mapElements(x.widened(), to: .bool) { (value: Float) in test(Double(value)) }
  }

  private func mapFloat64(_ function: UnaryFunction, _ x: Tensor) -> Tensor {
    let body = function.float64Function
    return mapElements(x) { (value: Double) in body(value) }
  }
}

/// Every element through `body`.
@inline(__always)
func mapElements<From: BitwiseCopyable, To: BitwiseCopyable>(
  _ x: Tensor, to elementType: ElementType? = nil, _ body: (From) -> To
) -> Tensor {
  let elementType = elementType ?? x.elementType
  precondition(MemoryLayout<To>.size == elementType.byteCount, "\(To.self) for \(elementType)")
  return Tensor(elementType, shape: x.shape) { memory in
    let to = memory.assumingMemoryBound(to: To.self)
    x.withPointer(to: From.self) { from in
      concurrentRanges(x.count, grain: elementGrain) { range in
        for i in range { to[i] = body(from[i]) }
      }
    }
  }
}

private struct IntegerMap: IntegerVisitor {
  let function: UnaryFunction
  let x: Tensor

  func visit<Scalar: FixedWidthInteger & TensorScalar>(_: Scalar.Type) -> Tensor {
    switch function {
    case .negate: return mapElements(x) { (v: Scalar) in 0 &- v }
    case .absolute: return mapElements(x) { (v: Scalar) in v < 0 ? 0 &- v : v }
    case .sign: return mapElements(x) { (v: Scalar) -> Scalar in v == 0 ? 0 : v < 0 ? 0 &- 1 : 1 }
    case .relu: return mapElements(x) { (v: Scalar) in max(v, 0) }
    case .complement: return mapElements(x) { (v: Scalar) in ~v }
    case .floor, .ceil, .round: return x
    case .clip(let lower, let upper):
      let lowest: Scalar = saturated(lower.rounded(.up))
      let highest: Scalar = saturated(upper.rounded(.down))
      return mapElements(x) { (v: Scalar) in min(max(v, lowest), highest) }
    default: preconditionFailure("\(function) of \(x.elementType)")
    }
  }
}

/// `value` towards zero within the range of `Scalar`; a NaN gives 0.
@inline(__always)
func saturated<Scalar: FixedWidthInteger>(_ value: Double) -> Scalar {
  // Double(Scalar.max) rounds up to a power of two for 64-bit types, which is out of range.
  if value >= Double(Scalar.max) { return Scalar.max }
  if value <= Double(Scalar.min) { return Scalar.min }
  return value.isNaN ? 0 : Scalar(value)
}
