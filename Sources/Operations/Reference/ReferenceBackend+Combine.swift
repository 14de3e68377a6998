import CElementary
import Glibc
public import Tensors

extension ReferenceBackend {
  /// `function` of every pair of elements of two tensors of one type, shapes broadcast as NumPy does.
  ///
  /// Minimum and maximum of a NaN are a NaN. 16-bit floating point is computed in `float32` and
  /// rounded once. A shift by the width or more gives 0.
  public func combine(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(
      a.elementType == b.elementType, "\(function) of \(a.elementType) and \(b.elementType)")
    switch a.elementType {
    case .float32: return combineFloats(function, a, b, Float.self)
    case .float64: return combineFloats(function, a, b, Double.self)
    case .float16, .bfloat16:
      return combineFloats(function, a.widened(), b.widened(), Float.self)
        .narrowed(to: a.elementType)
    case .bool: return combineBools(function, a, b)
    default: return withIntegerType(a.elementType, IntegerCombination(function, a, b))
    }
  }

  private func combineFloats<Scalar: ReferenceFloat>(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _: Scalar.Type
  ) -> Tensor {
    switch function {
    case .add: pairs(a, b) { (x: Scalar, y) in x + y }
    case .subtract: pairs(a, b) { (x: Scalar, y) in x - y }
    case .multiply: pairs(a, b) { (x: Scalar, y) in x * y }
    case .divide: pairs(a, b) { (x: Scalar, y) in x / y }
    case .power: pairs(a, b) { (x: Scalar, y) in Scalar.power(x, y) }
    case .remainder: pairs(a, b) { (x: Scalar, y) in x.truncatingRemainder(dividingBy: y) }
    case .modulo:
      pairs(a, b) { (x: Scalar, y) in
        let r = x.truncatingRemainder(dividingBy: y)
        return r != 0 && (r < 0) != (y < 0) ? r + y : r
      }
    case .minimum: pairs(a, b) { (x: Scalar, y) in x < y || x.isNaN ? x : y }
    case .maximum: pairs(a, b) { (x: Scalar, y) in x > y || x.isNaN ? x : y }
    case .prelu: pairs(a, b) { (x: Scalar, y) in x < 0 ? x * y : x }
    default: compare(function, a, b, Scalar.self)
    }
  }

  private func combineBools(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor) -> Tensor {
    switch function {
    case .and: pairs(a, b) { (x: Bool, y) in x && y }
    case .or: pairs(a, b) { (x: Bool, y) in x || y }
    case .exclusiveOr: pairs(a, b) { (x: Bool, y) in x != y }
    case .equal: pairs(a, b) { (x: Bool, y) in x == y }
    default: preconditionFailure("\(function) of bool")
    }
  }

  /// Elements of `a` where `condition` is true, of `b` elsewhere; the three broadcast.
  public func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(condition.elementType == .bool && a.elementType == b.elementType)
    let shape = broadcastShape([condition.shape, a.shape, b.shape])
    let runs = StridedRuns(shape: shape, broadcasting: [condition.shape, a.shape, b.shape])
    return Tensor(a.elementType, shape: shape) { memory in
      withWordType(
        a.elementType, Selection(condition: condition, a: a, b: b, runs: runs, memory: memory))
    }
  }
}

/// The floating-point types that the reference computes in.
protocol ReferenceFloat: BinaryFloatingPoint, TensorScalar {
  static func power(_ x: Self, _ y: Self) -> Self
}

extension Float: ReferenceFloat {
  static func power(_ x: Float, _ y: Float) -> Float { ce_power(x, y) }
}

extension Double: ReferenceFloat {
  static func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
}

/// The comparisons, which all numbers have.
private func compare<Scalar: Comparable & BitwiseCopyable>(
  _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _: Scalar.Type
) -> Tensor {
  switch function {
  case .equal: pairs(a, b, to: .bool) { (x: Scalar, y) in x == y }
  case .less: pairs(a, b, to: .bool) { (x: Scalar, y) in x < y }
  case .lessOrEqual: pairs(a, b, to: .bool) { (x: Scalar, y) in x <= y }
  case .greater: pairs(a, b, to: .bool) { (x: Scalar, y) in x > y }
  case .greaterOrEqual: pairs(a, b, to: .bool) { (x: Scalar, y) in x >= y }
  default: preconditionFailure("\(function) of \(a.elementType)")
  }
}

private struct IntegerCombination: IntegerVisitor {
  let function: BinaryFunction
  let a: Tensor, b: Tensor

  init(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor) {
    (self.function, self.a, self.b) = (function, a, b)
  }

  func visit<Scalar: FixedWidthInteger & TensorScalar>(_: Scalar.Type) -> Tensor {
    switch function {
    case .add: pairs(a, b) { (x: Scalar, y) in x &+ y }
    case .subtract: pairs(a, b) { (x: Scalar, y) in x &- y }
    case .multiply: pairs(a, b) { (x: Scalar, y) in x &* y }
    case .divide: pairs(a, b) { (x: Scalar, y) in quotient(x, y) }
    case .power: pairs(a, b) { (x: Scalar, y) in integerPower(x, y) }
    case .remainder: pairs(a, b) { (x: Scalar, y) in x &- quotient(x, y) &* y }
    case .modulo:
      pairs(a, b) { (x: Scalar, y) in
        let r = x &- quotient(x, y) &* y
        return y != 0 && r != 0 && (r < 0) != (y < 0) ? r &+ y : r
      }
    case .minimum: pairs(a, b) { (x: Scalar, y) in min(x, y) }
    case .maximum: pairs(a, b) { (x: Scalar, y) in max(x, y) }
    case .prelu: pairs(a, b) { (x: Scalar, y) in x < 0 ? x &* y : x }
    case .bitwiseAnd: pairs(a, b) { (x: Scalar, y) in x & y }
    case .bitwiseOr: pairs(a, b) { (x: Scalar, y) in x | y }
    case .bitwiseExclusiveOr: pairs(a, b) { (x: Scalar, y) in x ^ y }
    case .shiftLeft: pairs(a, b) { (x: Scalar, y) in x << y }
    case .shiftRight: pairs(a, b) { (x: Scalar, y) in x >> y }
    default: compare(function, a, b, Scalar.self)
    }
  }
}

/// Towards zero, wrapping; 0 for a divisor of 0.
@inline(__always)
private func quotient<Scalar: FixedWidthInteger>(_ x: Scalar, _ y: Scalar) -> Scalar {
  y == 0 ? 0 : x.dividedReportingOverflow(by: y).partialValue
}

/// `x` to the power of `y`, wrapping; what a negative exponent leaves of it, towards zero.
private func integerPower<Scalar: FixedWidthInteger>(_ x: Scalar, _ y: Scalar) -> Scalar {
  if y < 0 { return x == 1 ? 1 : x &+ 1 == 0 ? (y & 1 == 0 ? 1 : x) : 0 }
  var (result, base, exponent) = (Scalar(1), x, y)
  while exponent > 0 {
    if exponent & 1 == 1 { result = result &* base }
    base = base &* base
    exponent >>= 1
  }
  return result
}

/// `body` of every pair of elements, shapes broadcast.
@inline(__always)
private func pairs<From: BitwiseCopyable, To: BitwiseCopyable>(
  _ a: Tensor, _ b: Tensor, to elementType: ElementType? = nil, _ body: (From, From) -> To
) -> Tensor {
  let shape = broadcastShape([a.shape, b.shape])
  let runs = StridedRuns(shape: shape, broadcasting: [a.shape, b.shape])
  let (aStep, bStep) = (runs.runStrides[0], runs.runStrides[1])
  let elementType = elementType ?? a.elementType
  precondition(MemoryLayout<To>.size == elementType.byteCount, "\(To.self) for \(elementType)")
  return Tensor(elementType, shape: shape) { memory in
    let to = memory.assumingMemoryBound(to: To.self)
    a.withPointer(to: From.self) { aElements in
      b.withPointer(to: From.self) { bElements in
        concurrentRanges(runs.count, grain: elementGrain) { range in
          runs.forEachRun(in: range) { start, count, offsets in
            let (x, y, z) = (aElements + offsets[0], bElements + offsets[1], to + start)
            if aStep == 1 && bStep == 1 {
              for i in 0..<count { z[i] = body(x[i], y[i]) }
            } else {
              for i in 0..<count { z[i] = body(x[i * aStep], y[i * bStep]) }
            }
          }
        }
      }
    }
  }
}

private struct Selection: WordVisitor {
  let condition: Tensor, a: Tensor, b: Tensor
  let runs: StridedRuns
  let memory: UnsafeMutableRawPointer

  func visit<Word: BitwiseCopyable>(_: Word.Type) {
    let to = memory.assumingMemoryBound(to: Word.self)
    let steps = runs.runStrides
    condition.withPointer(to: UInt8.self) { conditions in
      a.withPointer(to: Word.self) { aElements in
        b.withPointer(to: Word.self) { bElements in
          concurrentRanges(runs.count, grain: elementGrain) { range in
            runs.forEachRun(in: range) { start, count, offsets in
              for i in 0..<count {
                to[start + i] =
                  conditions[offsets[0] + i * steps[0]] != 0
                  ? aElements[offsets[1] + i * steps[1]] : bElements[offsets[2] + i * steps[2]]
              }
            }
          }
        }
      }
    }
  }
}
