import Operations
import Tensors

/// What multiplies pixels with blocks of filters.
enum PackedProducts: Hashable, Sendable {
  /// `multiply_vnni.cl`: factors of a byte, four together.
  case vnni
  /// `multiply_plain.cl`: factors of two bytes.
  case plain

  /// Pixels that a tile can have.
  var tileSizes: [Int] { self == .vnni ? [14, 12, 10, 8] : [12] }

  var file: String { self == .vnni ? "packed/multiply_vnni.cl" : "packed/multiply_plain.cl" }

  var factorType: String { self == .vnni ? "char" : "short" }

  var factorBytes: Int { self == .vnni ? 1 : 2 }
}

/// How weights are brought into the order of products; see `packed/weights.cl`.
struct FactorPacking: Hashable, Sendable {
  var products: PackedProducts
  var groups, filters, channels, tap: Int
  var kernel: SIMD2<Int>
  var isDepthwise: Bool
  var packedType: ElementType?
  /// The memory of the zero points; the companion keeps it alive.
  var zeroPoints: ObjectIdentifier?

  init(
    _ problem: PackedProblem, _ weights: CodedWeights<OpenCLBackend.Value>,
    for products: PackedProducts
  ) {
    self.products = products
    (groups, filters, channels) = (problem.groups, problem.filters, problem.channels)
    (tap, kernel, isDepthwise) = (problem.tap, problem.kernel, problem.isDepthwise)
    packedType = weights.packedType
    zeroPoints = weights.zeroPoint.map { ObjectIdentifier($0.memory) }
  }
}

/// Weights in the order of products.
struct PackedFactors {
  var products: PackedProducts
  var factors: DeviceMemory
  /// The sum of every filter's factors, and whether one of them does not fit a byte.
  var facts: DeviceMemory
}

extension OpenCLBackend {
  /// The factors that `weights` are for `products`, or for plain ones where they do not fit a byte,
  /// from the last call with the same weights.
  func factors(
    of weights: CodedWeights<Value>, for products: PackedProducts, _ problem: PackedProblem
  ) throws -> PackedFactors {
    let products = problem.isDepthwise ? .plain : products
    let companion = try weights.codes.memory.companion(
      .factors(FactorPacking(problem, weights, for: products))
    ) {
      var (factors, facts) = try pack(weights, for: products, problem)
      var chosen = products
      if products == .vnni, try hasMisfits(facts) {
        chosen = .plain
        (factors, facts) = try pack(weights, for: .plain, problem)
      }
      return Companion(
        memories: [factors, facts.memory] + (weights.zeroPoint.map { [$0.memory] } ?? []),
        products: chosen)
    }
    return PackedFactors(
      products: companion.products ?? .plain, factors: companion.memories[0],
      facts: companion.memories[1])
  }

  private func pack(
    _ weights: CodedWeights<Value>, for products: PackedProducts, _ problem: PackedProblem
  ) throws -> (factors: DeviceMemory, facts: Value) {
    let type = weights.packedType ?? weights.codes.elementType
    var definitions = [
      "CODE=\(weights.codes.elementType.kernelName)", "BITS=\(weights.packedType?.bitCount ?? 8)",
      "ZERO_POINT=\((weights.zeroPoint?.elementType ?? type).kernelName)",
      "FACTOR=\(products.factorType)", "GROUP=\(products == .vnni ? 4 : 1)",
    ]
    if Int8.represents(type) { definitions.append("SIGNED_CODES") }
    let factors = try scratch(
      byteCount: problem.places * problem.depth * products.factorBytes)
    let facts = try makeValue(.int32, [2, problem.places])
    let none = PackedSchedule(problem, units: 1, sizes: [1])
    try launch(
      DeviceKernel(
        "packed/weights.cl", problem.isDepthwise ? "pack_depthwise" : "pack_weights", definitions,
        preludes: ["packed/geometry.cl"]),
      global: [problem.blocks, problem.groups], local: [1, 1], weights.codes,
      weights.zeroPoint ?? weights.codes, Int32(weights.zeroPoint?.count ?? 0), factors, facts,
      constants(problem.numbers(none, .none)))
    return (factors, facts)
  }

  private func hasMisfits(_ facts: Value) throws -> Bool {
    try download(facts).withElements(of: Int32.self) {
      $0[($0.count / 2)...].contains { $0 != 0 }
    }
  }
}

/// What the parameters of an epilogue are made of.
struct ParameterFolding: Hashable, Sendable {
  var packing: FactorPacking
  var inputZeroPoint: Int
  /// The memories of bias, multiplier and shift, which the companion keeps alive.
  var values: [ObjectIdentifier?]
}

extension OpenCLBackend {
  /// The table of parameters that `epilogue.cl` reads, from the last call with the same values.
  func parameters(
    _ epilogue: Epilogue<Value>?, after factors: PackedFactors, of weights: CodedWeights<Value>,
    _ problem: PackedProblem
  ) throws -> DeviceMemory {
    let (bias, multiplier, shift) = (
      epilogue?.bias, epilogue?.rounding.multiplier, epilogue?.rounding.shift
    )
    let values = [bias, multiplier, shift]
    let folding = ParameterFolding(
      packing: FactorPacking(problem, weights, for: factors.products),
      inputZeroPoint: problem.inputZeroPoint,
      values: values.map { $0.map { ObjectIdentifier($0.memory) } })
    let companion = try weights.codes.memory.companion(.epilogue(folding)) {
      let table = try scratch(byteCount: 3 * problem.places * 4)
      let none = PackedSchedule(problem, units: 1, sizes: [1])
      func step(_ value: Value?) -> Int32 { (value?.count ?? 1) > 1 ? 1 : 0 }
      // Where there is nothing to point at, the facts serve.
      let nothing = factors.facts
      try launch(
        DeviceKernel(
          "packed/weights.cl", "fold_parameters",
          ["CODE=char", "ZERO_POINT=char", "FACTOR=char", "GROUP=1"],
          preludes: ["packed/geometry.cl"]),
        global: [problem.places], local: [1], factors.facts, bias?.memory ?? nothing,
        Int32(bias == nil ? 0 : 1), multiplier?.memory ?? nothing, step(multiplier),
        shift?.memory ?? nothing, step(shift), table, constants(problem.numbers(none, .none)))
      return Companion(memories: [table] + values.compactMap { $0?.memory })
    }
    return companion.memories[0]
  }
}

extension Rounding {
  fileprivate var multiplier: Value? {
    switch self {
    case .float(let multiplier), .integer(let multiplier, _): multiplier
    case .shift, .floorShift: nil
    }
  }

  fileprivate var shift: Value? {
    switch self {
    case .float: nil
    case .integer(_, let shift), .shift(let shift), .floorShift(let shift): shift
    }
  }
}
