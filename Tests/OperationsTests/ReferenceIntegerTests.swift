import OperationCases
import Operations
import Tensors
import Testing

/// Functions of integers, of `bool` and of special values, and 16-bit floating point.
@Suite struct ReferenceIntegerTests {
  private let reference = ReferenceBackend.shared
  private static let types: [ElementType] = [
    .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64,
  ]

  @Test(arguments: types) func functionsOfIntegersWrap(of elementType: ElementType) throws {
    let range = try #require(elementType.integerRange)
    var samples = SampleValues(seed: 81)
    let x =
      elementType.byteCount == 1
      ? reference.cast(Tensor(range.map(Int64.init)), to: elementType)
      : samples.integers([500], as: elementType)
    let values = integers(x)
    func check(_ function: UnaryFunction, _ body: (Int) -> Int) {
      let result = reference.map(function, x)
      #expect(result.elementType == elementType && result.shape == x.shape)
      let expected = values.map { wrapped(body($0), elementType) }
      #expect(integers(result) == expected, "\(function) of \(elementType)")
    }
    check(.negate) { 0 &- $0 }
    check(.absolute) { $0 < 0 ? 0 &- $0 : $0 }
    check(.sign) { $0.signum() }
    check(.relu) { max($0, 0) }
    check(.complement) { ~$0 }
    check(.floor) { $0 }
    check(.clip(lower: -2.5, upper: 99.5)) { min(max($0, max(-2, range.lowerBound)), 99) }
    check(.clip(lower: -.infinity, upper: .infinity)) { $0 }
  }

  @Test(arguments: types) func pairsOfIntegersWrap(of elementType: ElementType) {
    var samples = SampleValues(seed: 82)
    let a = samples.integers([60], as: elementType)
    let b = samples.integers([60, 1], as: elementType)
    let (x, y) = (integers(a), integers(b))
    func check(_ function: BinaryFunction, _ body: (Int, Int) -> Int) {
      let result = reference.combine(function, a, b)
      #expect(result.shape == [60, 60])
      let expected = y.flatMap { y in x.map { wrapped(body($0, y), elementType) } }
      #expect(integers(result) == expected, "\(function) of \(elementType)")
    }
    check(.add) { $0 &+ $1 }
    check(.subtract) { $0 &- $1 }
    check(.multiply) { $0 &* $1 }
    check(.minimum) { min($0, $1) }
    check(.maximum) { max($0, $1) }
    check(.bitwiseAnd) { $0 & $1 }
    check(.bitwiseOr) { $0 | $1 }
    check(.bitwiseExclusiveOr) { $0 ^ $1 }
    check(.divide) { $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue }
    for (function, expected) in [
      (BinaryFunction.less, y.flatMap { y in x.map { $0 < y } }),
      (.greaterOrEqual, y.flatMap { y in x.map { $0 >= y } }),
      (.equal, y.flatMap { y in x.map { $0 == y } }),
    ] {
      #expect(reference.combine(function, a, b).array(of: Bool.self) == expected)
    }
  }

  @Test func integerPowersWrapAndNegativeExponentsVanish() {
    let bases: [Int32] = [-3, -2, -1, 0, 1, 2, 3]
    let exponents: [Int32] = [-3, -2, 0, 1, 2, 3, 31, 40]
    let powers = reference.combine(
      .power, Tensor(bases, shape: [7, 1]), Tensor(exponents)
    ).array(of: Int32.self)
    var index = 0
    for base in bases {
      for exponent in exponents {
        var expected: Int32 = 1
        if exponent < 0 {
          expected = base == 1 || base == -1 && exponent % 2 == 0 ? 1 : base == -1 ? -1 : 0
        } else {
          for _ in 0..<exponent { expected = expected &* base }
        }
        #expect(powers[index] == expected, "\(base) to the power of \(exponent)")
        index += 1
      }
    }
  }

  @Test func shiftsByTheWidthOrMoreGiveZero() {
    let x = Tensor([0, 1, 129, 255] as [UInt8], shape: [4, 1])
    let amounts: [UInt8] = [0, 1, 7, 8, 200]
    let left = reference.combine(.shiftLeft, x, Tensor(amounts)).array(of: UInt8.self)
    let right = reference.combine(.shiftRight, x, Tensor(amounts)).array(of: UInt8.self)
    #expect(
      left
        == [0, 1, 129, 255].flatMap { x in
          amounts.map { $0 < 8 ? UInt8(truncatingIfNeeded: x << Int($0)) : 0 }
        })
    #expect(
      right == [0, 1, 129, 255].flatMap { x in amounts.map { $0 < 8 ? UInt8(x >> Int($0)) : 0 } })
  }

  @Test func truthTables() {
    let (a, b) = (Tensor([false, true], shape: [2, 1]), Tensor([false, true]))
    func table(_ function: BinaryFunction) -> [Bool] {
      reference.combine(function, a, b).array(of: Bool.self)
    }
    #expect(table(.and) == [false, false, false, true])
    #expect(table(.or) == [false, true, true, true])
    #expect(table(.exclusiveOr) == [false, true, true, false])
    #expect(table(.equal) == [true, false, false, true])
    #expect(reference.map(.not, b).array(of: Bool.self) == [true, false])
  }

  @Test(arguments: [ElementType.float32, .float64, .float16, .bfloat16])
  func specialValuesAreTold(apart elementType: ElementType) {
    let x = reference.cast(
      Tensor([1, .nan, .infinity, -.infinity, -0.0] as [Float]), to: elementType)
    func test(_ function: UnaryFunction) -> [Bool] {
      reference.map(function, x).array(of: Bool.self)
    }
    #expect(test(.isNaN) == [false, true, false, false, false])
    #expect(
      test(.isInfinite(positive: true, negative: true)) == [false, false, true, true, false])
    #expect(
      test(.isInfinite(positive: true, negative: false)) == [false, false, true, false, false])
    #expect(
      test(.isInfinite(positive: false, negative: true)) == [false, false, false, true, false])
  }

  /// Computed in float32 and rounded once.
  @Test(arguments: [ElementType.float16, .bfloat16])
  func sixteenBitsRoundOnce(_ elementType: ElementType) {
    var samples = SampleValues(seed: 83)
    let (a, b) = (
      reference.cast(samples.floats([300]), to: elementType),
      reference.cast(samples.floats([300]), to: elementType)
    )
    let (x, y) = (reference.cast(a, to: .float32), reference.cast(b, to: .float32))
    for function in [BinaryFunction.add, .multiply, .divide, .power] {
      #expect(
        reference.combine(function, a, b)
          == reference.cast(reference.combine(function, x, y), to: elementType))
    }
    for function in OperationCase.floatFunctions {
      #expect(
        reference.map(function, a) == reference.cast(reference.map(function, x), to: elementType))
    }
  }

  private func integers(_ x: Tensor) -> [Int] {
    reference.cast(x, to: .int64).array(of: Int64.self).map(Int.init)
  }

  private func wrapped(_ value: Int, _ elementType: ElementType) -> Int {
    integers(reference.cast(Tensor(scalar: Int64(value)), to: elementType))[0]
  }
}
