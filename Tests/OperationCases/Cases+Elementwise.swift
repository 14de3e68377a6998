public import Operations
import Tensors

extension OperationCase {
  /// Functions of one element, of two, and the choice between two.
  public static var elementwise: [OperationCase] { unary + binary + broadcasts + selections }

  /// Every function of floating-point numbers.
  public static let floatFunctions: [UnaryFunction] =
    [
      .negate, .absolute, .sign, .floor, .ceil, .round, .relu, .leakyRelu(alpha: 0.1),
      .thresholdedRelu(alpha: 0.7), .clip(lower: -1.5, upper: 2),
      .clip(lower: -.infinity, upper: 6), .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish,
      .softsign, .reciprocal, .squareRoot, .exponential, .logarithm, .sine, .cosine, .tangent,
      .arcsine, .arccosine, .arctangent, .hyperbolicSine, .hyperbolicCosine, .hyperbolicTangent,
    ] + [
      .areaSine, .areaCosine, .areaTangent, .errorFunction, .sigmoid, .softplus,
      .elu(alpha: 0.8), .selu(alpha: 1.673, gamma: 1.05), .celu(alpha: 1.3), .mish,
      .swish(alpha: 1.2), .gelu(approximate: false), .gelu(approximate: true),
    ]

  private static var unary: [OperationCase] {
    var samples = SampleValues(seed: 11)
    let x = samples.branches()
    var cases = floatFunctions.map { OperationCase("all branches", .map($0), [x]) }
    let denormal = samples.extremeFloats([77], period: 3, denormals: true)
    cases += [UnaryFunction.exponential, .logarithm, .squareRoot, .reciprocal, .relu, .sigmoid].map
    {
      OperationCase("denormal numbers", .map($0), [denormal], hasDenormals: true)
    }
    let tests: [UnaryFunction] = [
      .isNaN, .isInfinite(positive: true, negative: true),
      .isInfinite(positive: true, negative: false), .isInfinite(positive: false, negative: true),
    ]
    cases += tests.map { OperationCase("special values", .map($0), [x]) }
    let half = ReferenceBackend.shared.cast(x, to: .float16)
    cases += [UnaryFunction.relu, .sigmoid, .clip(lower: 0, upper: 6)].map {
      OperationCase("16 bits", .map($0), [half])
    }
    let booleans = Tensor([true, false, true], shape: [3, 1])
    cases.append(OperationCase("of bool", .map(.not), [booleans]))
    let empty = Tensor([Float](), shape: [2, 0])
    cases.append(OperationCase("nothing", .map(.relu), [empty]))
    cases.append(OperationCase("a scalar", .map(.sigmoid), [Tensor(scalar: Float(0.3))]))
    let integerFunctions: [UnaryFunction] = [
      .negate, .absolute, .sign, .relu, .complement, .clip(lower: -2.5, upper: 100),
    ]
    for elementType in [ElementType.int8, .uint8, .int32, .int64] {
      let integers = samples.integers([41], as: elementType)
      cases += integerFunctions.map { OperationCase("\(elementType)", .map($0), [integers]) }
    }
    return cases
  }

  private static let floatPairs: [BinaryFunction] = [
    .add, .subtract, .multiply, .divide, .power, .modulo, .remainder, .minimum, .maximum, .prelu,
    .equal, .less, .lessOrEqual, .greater, .greaterOrEqual,
  ]

  private static let integerPairs: [BinaryFunction] =
    [
      .add, .subtract, .multiply, .divide, .modulo, .remainder, .minimum, .maximum, .equal,
      .less, .lessOrEqual, .greater, .greaterOrEqual,
    ] + [.bitwiseAnd, .bitwiseOr, .bitwiseExclusiveOr]

  private static var binary: [OperationCase] {
    var samples = SampleValues(seed: 12)
    let specials: [Float] = [0, -0.0, 1, -1, 0.5, 2, -2, 3, 7.5, -7.5, .infinity, -.infinity, .nan]
    // Every special value with every other.
    let a = Tensor(specials, shape: [13, 1])
    let b = Tensor(specials, shape: [1, 13])
    let (x, y) = (samples.floats([5, 67]), samples.floats([5, 67]))
    var cases: [OperationCase] = []
    for function in floatPairs {
      cases.append(OperationCase("special values", .combine(function), [a, b]))
      cases.append(OperationCase("ordinary values", .combine(function), [x, y]))
    }
    for elementType in [ElementType.int8, .uint8, .int16, .int32, .uint32, .int64] {
      let (a, b) = (
        samples.integers([61], as: elementType), samples.integers([61, 1], as: elementType)
      )
      cases += integerPairs.map { OperationCase("\(elementType)", .combine($0), [a, b]) }
    }
    let bases = Tensor([-3, -2, -1, 0, 1, 2, 3, 10] as [Int32], shape: [8, 1])
    let exponents = Tensor([-2, -1, 0, 1, 2, 3, 31] as [Int32])
    cases.append(OperationCase("int32", .combine(.power), [bases, exponents]))
    let shifts = Tensor([0, 1, 7, 8, 9] as [UInt8])
    let shifted = Tensor([0, 1, 129, 255] as [UInt8], shape: [4, 1])
    cases += [BinaryFunction.shiftLeft, .shiftRight].map {
      OperationCase("uint8", .combine($0), [shifted, shifts])
    }
    let truths = Tensor([true, false])
    cases += [BinaryFunction.and, .or, .exclusiveOr, .equal].map {
      OperationCase("truth table", .combine($0), [truths, truths.reshaped(to: [2, 1])])
    }
    for elementType in [ElementType.float16, .bfloat16] {
      let narrow = [x, y].map { ReferenceBackend.shared.cast($0, to: elementType) }
      cases += [BinaryFunction.add, .multiply, .divide].map {
        OperationCase("\(elementType)", .combine($0), narrow)
      }
    }
    return cases
  }

  private static var broadcasts: [OperationCase] {
    let shapes: [(String, [Int], [Int])] = [
      ("scalar left", [], [3, 5]), ("scalar right", [4, 7], []), ("two scalars", [], []),
      ("channels", [2, 3, 4, 5], [3, 1, 1]), ("rows", [6, 1, 9], [1, 8, 1]),
      ("ranks", [5], [2, 3, 5]), ("extents of 1", [1, 1, 1], [1]), ("nothing", [0, 3], [1, 3]),
      ("odd tails", [1025], [1025]), ("inner", [3, 1, 2, 1], [1, 4, 1, 5]),
      ("six axes", [2, 1, 3, 1, 2, 1], [1, 2, 1, 3, 1, 2]),
    ]
    var samples = SampleValues(seed: 13)
    return shapes.map { name, a, b in
      OperationCase(name, .combine(.subtract), [samples.floats(a), samples.floats(b)])
    }
  }

  private static var selections: [OperationCase] {
    var samples = SampleValues(seed: 14)
    let condition = Tensor((0..<12).map { $0 % 3 == 0 }, shape: [4, 1, 3])
    return [
      OperationCase(
        "broadcast", .select, [condition, samples.floats([5, 1]), samples.floats([])]),
      OperationCase(
        "int64", .select,
        [
          Tensor([true, false]), Tensor([1, 2] as [Int64]), Tensor([-1, -2] as [Int64]),
        ]),
      OperationCase(
        "bytes", .select,
        [
          Tensor(scalar: true), Tensor([1, 2, 3] as [UInt8]), Tensor([7] as [UInt8]),
        ]),
    ]
  }
}
