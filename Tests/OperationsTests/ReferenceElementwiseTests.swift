import Glibc
import OperationCases
import Operations
import Tensors
import Testing

/// Functions of one and of two elements against the C library in double precision and against
/// Swift's own arithmetic.
@Suite struct ReferenceElementwiseTests {
  private let reference = ReferenceBackend.shared

  /// Elementary functions, their exact values and the error bounds in units in the last place that
  /// measurement found (Tests/Exhaustive/elementary.c), a little rounded up.
  private static let elementary: [(UnaryFunction, @Sendable (Double) -> Double, Double)] = [
    (.exponential, { exp($0) }, 1), (.logarithm, { log($0) }, 1), (.sine, { sin($0) }, 1.6),
    (.cosine, { cos($0) }, 1.6), (.tangent, { tan($0) }, 3.4), (.arcsine, { asin($0) }, 2.4),
    (.arccosine, { acos($0) }, 1.3), (.arctangent, { atan($0) }, 1.5),
    (.hyperbolicSine, { sinh($0) }, 1.8), (.hyperbolicCosine, { cosh($0) }, 1.7),
    (.hyperbolicTangent, { tanh($0) }, 1.5), (.areaSine, { asinh($0) }, 2),
    (.areaCosine, { acosh($0) }, 2), (.areaTangent, { atanh($0) }, 2.2),
    (.errorFunction, { erf($0) }, 1.2), (.sigmoid, { 1 / (1 + exp(-$0)) }, 2.5),
    (.softplus, { max($0, 0) + log1p(exp(-abs($0))) }, 2), (.squareRoot, { sqrt($0) }, 0.5),
    (.reciprocal, { 1 / $0 }, 0.5),
  ]

  @Test(arguments: elementary.indices)
  func elementaryFunctionsKeepTheirErrorBounds(_ index: Int) {
    let (function, exact, bound) = Self.elementary[index]
    // Every 65521st (a prime) bit pattern: all exponents, both signs, infinities by the branches.
    let patterns = stride(from: UInt32(0), through: .max - 65521, by: 65521)
    var samples = SampleValues(seed: 5)
    let values =
      patterns.map { Float(bitPattern: $0) } + samples.branches(2000).array(of: Float.self)
    let results = reference.map(function, Tensor(values)).array(of: Float.self)
    for (value, result) in zip(values, results) {
      let expected = exact(Double(value))
      #expect(
        unitsInTheLastPlace(result, expected) <= bound,
        "\(function) of \(value) is \(result), not \(expected)")
    }
  }

  /// Error of a float, in units in the last place of the exact value; 0 for equal specials.
  private func unitsInTheLastPlace(_ result: Float, _ exact: Double) -> Double {
    if exact.isNaN || result.isNaN { return exact.isNaN && result.isNaN ? 0 : .infinity }
    let nearest = Float(exact)
    if nearest == result && (result != 0 || exact == 0 || nearest.sign == result.sign) { return 0 }
    if nearest.isInfinite || result.isInfinite {
      return min(nearest.magnitude, result.magnitude) == .greatestFiniteMagnitude ? 1 : .infinity
    }
    return abs(Double(result) - exact) / Double(nearest.ulp)
  }

  @Test(arguments: zip(OperationCase.elementwise, OperationCase.elementwise.indices))
  func activationsFollowTheirDefinitions(_ example: OperationCase, _ index: Int) throws {
    guard case .map(let function) = example.operation, example.inputs[0].elementType == .float32,
      let definition = activation(function)
    else { return }
    let results = try example.result(on: reference).array(of: Float.self)
    for (value, result) in zip(example.inputs[0].array(of: Float.self), results) {
      let expected = definition(Double(value))
      if expected.isNaN || result.isNaN || expected.isInfinite {
        #expect(
          Double(result) == expected || (result.isNaN && expected.isNaN)
            || (value.isInfinite && value < 0 && result.isNaN),
          "\(function) of \(value)")
      } else {
        // Rounding of the parts: at most a few units of the largest, which is about |x| or 1.
        let scale = max(abs(expected), min(abs(Double(value)), 8), 0x1p-126)
        #expect(abs(Double(result) - expected) <= 16 * scale * 0x1p-24, "\(function) of \(value)")
      }
    }
  }

  private func activation(_ function: UnaryFunction) -> ((Double) -> Double)? {
    func exact(_ alpha: Float) -> Double { Double(alpha) }
    switch function {
    case .relu: return { $0 < 0 ? 0 : $0 }
    case .leakyRelu(let a): return { $0 < 0 ? exact(a) * $0 : $0 }
    case .thresholdedRelu(let a): return { $0 > exact(a) ? $0 : $0.isNaN ? $0 : 0 }
    case .clip(let l, let u): return { $0 < l ? l : $0 > u ? u : $0 }
    case .hardSigmoid(let a, let b):
      return { $0.isNaN ? $0 : max(0, min(1, exact(a) * $0 + exact(b))) }
    case .softsign: return { $0 / (1 + abs($0)) }
    case .elu(let a): return { $0 < 0 ? exact(a) * expm1($0) : $0 }
    case .selu(let a, let g): return { exact(g) * ($0 > 0 ? $0 : exact(a) * expm1($0)) }
    case .celu(let a):
      return { $0.isNaN ? $0 : max(0, $0) + min(0, exact(a) * expm1($0 / exact(a))) }
    case .hardSwish: return { $0 * ($0.isNaN ? $0 : max(0, min(1, $0 / 6 + 0.5))) }
    case .mish: return { $0 * tanh(max($0, 0) + log1p(exp(-abs($0)))) }
    case .swish(let a): return { $0 / (1 + exp(-exact(a) * $0)) }
    case .gelu(approximate: false): return { $0 / 2 * (1 + erf($0 / 2.squareRoot())) }
    case .gelu(approximate: true):
      return { $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * pow($0, 3)))) }
    default: return nil
    }
  }

  @Test func gettingTheFloat64DefinitionsAgreesWithFloat32() {
    var samples = SampleValues(seed: 6)
    let x = samples.floats([500])
    let wide = reference.cast(x, to: .float64)
    for function in OperationCase.floatFunctions {
      let narrow = reference.map(function, x).array(of: Float.self)
      for (a, b) in zip(narrow, reference.map(function, wide).array(of: Double.self)) {
        #expect(
          a.isNaN && b.isNaN || abs(Double(a) - b) <= 1e-6 * max(1, abs(b)), "\(function)")
      }
    }
  }

  @Test(arguments: zip(OperationCase.elementwise, OperationCase.elementwise.indices))
  func pairsOfFloatsBroadcast(_ example: OperationCase, _ index: Int) throws {
    guard case .combine(let function) = example.operation,
      example.inputs[0].elementType == .float32, let body = floatPair(function)
    else { return }
    let (a, b) = (example.inputs[0], example.inputs[1])
    let result = try example.result(on: reference)
    let (x, y) = (a.array(of: Float.self), b.array(of: Float.self))
    let expected = Indices(result.shape).map { index in
      body(x[Indices.offset(index, in: a.shape)], y[Indices.offset(index, in: b.shape)])
    }
    let computed = reference.cast(result, to: .float32).array(of: Float.self)
    #expect(computed.count == expected.count)
    for (c, e) in zip(computed, expected) {
      #expect(c == e && c.sign == e.sign || c.isNaN && e.isNaN, "\(c), not \(e)")
    }
  }

  /// Swift's own arithmetic; `nil` where it is not exact.
  private func floatPair(_ function: BinaryFunction) -> ((Float, Float) -> Float)? {
    switch function {
    case .add: { $0 + $1 }
    case .subtract: { $0 - $1 }
    case .multiply: { $0 * $1 }
    case .divide: { $0 / $1 }
    case .remainder: { fmodf($0, $1) }
    case .modulo:
      { x, y in
        let r = fmodf(x, y)
        return r == 0 || r.isNaN || (r < 0) == (y < 0) ? r : r + y
      }
    case .minimum: { $0.isNaN || $1.isNaN ? .nan : $0 < $1 ? $0 : $1 }
    case .maximum: { $0.isNaN || $1.isNaN ? .nan : $0 > $1 ? $0 : $1 }
    case .prelu: { $0 < 0 ? $0 * $1 : $0 }
    case .equal: { $0 == $1 ? 1 : 0 }
    case .less: { $0 < $1 ? 1 : 0 }
    case .lessOrEqual: { $0 <= $1 ? 1 : 0 }
    case .greater: { $0 > $1 ? 1 : 0 }
    case .greaterOrEqual: { $0 >= $1 ? 1 : 0 }
    default: nil
    }
  }

  @Test func powersAreNearlyCorrectlyRoundedAndSpecialValuesAreC99s() {
    let specials: [Float] = [
      0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, -2.5, 1e30, -1e30, .infinity, -.infinity, .nan,
      16_777_215, 33_554_432, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0.999, 1.001,
    ]
    let n = specials.count
    let powers = reference.combine(
      .power, Tensor(specials, shape: [n, 1]), Tensor(specials, shape: [1, n])
    ).array(of: Float.self)
    for (i, x) in specials.enumerated() {
      for (j, y) in specials.enumerated() {
        let expected = pow(Double(x), Double(y))
        #expect(
          unitsInTheLastPlace(powers[i * n + j], expected) <= 2, "\(x) to the power of \(y)")
      }
    }
    var samples = SampleValues(seed: 7)
    let bases = samples.floats([4000]).array(of: Float.self).map { abs($0) * 8 + 0x1p-20 }
    let exponents = samples.floats([4000]).array(of: Float.self).map { $0 * 20 }
    let results = reference.combine(.power, Tensor(bases), Tensor(exponents)).array(of: Float.self)
    for i in bases.indices {
      #expect(unitsInTheLastPlace(results[i], pow(Double(bases[i]), Double(exponents[i]))) <= 1.6)
    }
  }

  /// Every pair of 8-bit integers.
  @Test func integerDivisionAndRemaindersFitTogether() {
    let all = (-128...127).map { Int8($0) }
    let (a, b) = (Tensor(all, shape: [256, 1]), Tensor(all, shape: [1, 256]))
    func results(_ function: BinaryFunction) -> [Int8] {
      reference.combine(function, a, b).array(of: Int8.self)
    }
    let (quotients, remainders, modulos) = (results(.divide), results(.remainder), results(.modulo))
    var index = 0
    for x in -128...127 {
      for y in -128...127 {
        let (q, r, m) = (Int(quotients[index]), Int(remainders[index]), Int(modulos[index]))
        index += 1
        guard y != 0 else {
          #expect(q == 0)
          continue
        }
        #expect(q == (x == -128 && y == -1 ? -128 : x / y))
        #expect(r == x % y)
        #expect(m == ((x % y) + y) % y, "\(x) modulo \(y)")
      }
    }
  }

  @Test(arguments: zip(OperationCase.elementwise, OperationCase.elementwise.indices))
  func selectionsBroadcast(_ example: OperationCase, _ index: Int) throws {
    guard case .select = example.operation else { return }
    let result = try example.result(on: reference)
    let values = example.inputs.map { reference.cast($0, to: .float64).array(of: Double.self) }
    let shapes = example.inputs.map(\.shape)
    let expected = Indices(result.shape).map { index in
      let chosen = values[0][Indices.offset(index, in: shapes[0])] != 0 ? 1 : 2
      return values[chosen][Indices.offset(index, in: shapes[chosen])]
    }
    #expect(reference.cast(result, to: .float64).array(of: Double.self) == expected)
  }
}
