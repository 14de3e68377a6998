import Operations
import Tensors

/// How weights are brought into the order of products; see `packed/weights.cl`.
struct FactorPacking: Hashable, Sendable {
  var products: PackedProducts
  var groups, filters, channels, tap: Int
  var kernel: SIMD2<Int>
  var isDepthwise: Bool
  /// What data are offset by, of Winograd's products only, and the largest of them that products must
  /// have room for; 0 where they have it for all.
  var offset, largest: Int
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
    offset = products.isWinograd ? 2 * problem.largestCode : 0
    largest =
      products.instructions == .avx2Bytes ? (products.isWinograd ? 4 : 1) * problem.largestCode : 0
    packedType = weights.packedType
    zeroPoints = weights.zeroPoint.map { ObjectIdentifier($0.memory) }
  }
}

/// Weights in the order of products.
struct PackedFactors: Sendable {
  var products: PackedProducts
  var factors: DeviceMemory
  /// The sum of every filter's factors, for how many words products by it may be added, and what else
  /// `weights.cl` says.
  var facts: DeviceMemory
  /// Words after which sums of 16 bits are emptied.
  var run: Int
}

extension OpenCLBackend {
  /// The factors that `weights` are for `products`, or, where they or their sums do not fit, for the
  /// next that can have them; from the last call with the same weights.
  func factors(
    of weights: CodedWeights<Value>, for products: PackedProducts, _ problem: PackedProblem
  ) throws -> PackedFactors {
    let products = problem.isDepthwise ? PackedProducts(.plain) : products
    let packing = FactorPacking(problem, weights, for: products)
    let companion = try weights.codes.memory.companion(.factors(packing)) {
      let (factors, facts) = try pack(weights, packing, problem)
      let run = products.next == nil ? 0 : try safeRun(facts, problem)
      if let next = products.next, run < products.shortestRun {
        let others = try self.factors(of: weights, for: next, problem)
        return Companion(memories: [others.factors, others.facts], factors: others)
      }
      let found = PackedFactors(
        products: products, factors: factors, facts: facts.memory, run: run)
      return Companion(
        memories: [factors, facts.memory] + (weights.zeroPoint.map { [$0.memory] } ?? []),
        factors: found)
    }
    guard let factors = companion.factors else {
      preconditionFailure("a companion without factors")
    }
    return factors
  }

  private func pack(
    _ weights: CodedWeights<Value>, _ packing: FactorPacking, _ problem: PackedProblem
  ) throws -> (factors: DeviceMemory, facts: Value) {
    let (products, type) = (packing.products, weights.packedType ?? weights.codes.elementType)
    var definitions = [
      "CODE=\(weights.codes.elementType.kernelName)", "BITS=\(weights.packedType?.bitCount ?? 8)",
      "ZERO_POINT=\((weights.zeroPoint?.elementType ?? type).kernelName)",
      "FACTOR=\(products.factorType)", "GROUP=\(products.group)",
    ]
    if Int8.represents(type) { definitions.append("SIGNED_CODES") }
    let depth = products.isWinograd ? 16 * problem.tap : problem.depth
    let factors = try scratch(byteCount: problem.places * depth * products.factorBytes)
    let facts = try makeValue(.int32, [products.isWinograd ? 6 : 2, problem.places])
    let geometry = try constants(
      problem.numbers(PackedSchedule(problem, products, units: 1), .none))
    let (zeroPoints, count) = (
      weights.zeroPoint ?? weights.codes, Int32(weights.zeroPoint?.count ?? 0)
    )
    func kernel(_ function: String) -> DeviceKernel {
      DeviceKernel(
        "packed/weights.cl", function, definitions, preludes: ["packed/geometry.cl"])
    }
    let largest = Int32(packing.largest)
    if products.isWinograd {
      try launch(
        kernel("pack_winograd"), global: [problem.blocks], local: [1], weights.codes, zeroPoints,
        count, factors, facts, Int32(packing.offset), largest, geometry)
    } else if problem.isDepthwise {
      try launch(
        kernel("pack_depthwise"), global: [problem.blocks], local: [1], weights.codes, zeroPoints,
        count, factors, facts, geometry)
    } else {
      try launch(
        kernel("pack_weights"), global: [problem.blocks, problem.groups], local: [1, 1],
        weights.codes, zeroPoints, count, factors, facts, largest, geometry)
    }
    return (factors, facts)
  }

  /// The words that products by all filters may be added for.
  private func safeRun(_ facts: Value, _ problem: PackedProblem) throws -> Int {
    try download(facts).withElements(of: Int32.self) {
      Int($0[problem.places..<2 * problem.places].min() ?? 0)
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
    let values = epilogue?.values ?? [nil, nil, nil]
    let (bias, multiplier, shift) = (values[0], values[1], values[2])
    let folding = ParameterFolding(
      packing: FactorPacking(problem, weights, for: factors.products),
      inputZeroPoint: problem.inputZeroPoint,
      values: values.map { $0.map { ObjectIdentifier($0.memory) } })
    let companion = try weights.codes.memory.companion(.epilogue(folding)) {
      let table = try scratch(byteCount: 3 * problem.places * 4)
      let geometry = try constants(
        problem.numbers(PackedSchedule(problem, factors.products, units: 1), .none))
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
        shift?.memory ?? nothing, step(shift), table, geometry)
      return Companion(memories: [table] + values.compactMap { $0?.memory })
    }
    return companion.memories[0]
  }
}

extension Epilogue {
  /// Bias, multiplier and shift.
  var values: [Value?] { [bias, rounding.multiplier, rounding.shift] }
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
