/// What a ``Verifier`` found out about a quantized model.
public struct ModelProof: Sendable, Encodable {
  /// The width that every accumulator was held against, in bits.
  public var accumulatorBits: Int
  /// Where that width comes from: `asked for`, `the model's metadata` or `standard`.
  public var widthFrom: String
  /// The arithmetic that the model was made for.
  public var requantization: String
  /// The products of codes, in the order in which they run.
  public var layers: [LayerProof]
  /// Nodes that compute in float and have no accumulator of codes.
  public var inFloat: [FloatNode]
  /// Codes, scales and zero points that do not go together.
  public var inconsistencies: [String]
  /// What running the whole network on both engines gave; `nil` where that was not asked for.
  public var network: NetworkRuns?
  /// The engines that computed: the reference and, where there is one, a device.
  public var engines: [String]

  /// A node that computes in float.
  public struct FloatNode: Sendable, Hashable, Encodable {
    /// The node.
    public var name: String
    /// Its operator.
    public var operatorType: String
    /// Why it is not on codes.
    public var reason: String
  }

  /// Runs of the whole network on inputs that look random.
  public struct NetworkRuns: Sendable, Hashable, Encodable {
    /// Inputs run.
    public var inputs: Int
    /// Values compared, input by input.
    public var values: Int
    /// The first value that differs, with the input's number; `nil` where all are the same.
    public var difference: String?
    /// Why nothing was compared; `nil` where it was.
    public var reason: String?
  }

  /// Why it is not known that engines have the same integers; `nil` where two have been compared on
  /// adversarial inputs of every layer and on the whole network.
  ///
  /// A proof of accumulators needs no comparison, but says nothing of what an engine computes.
  public var notCompared: String? {
    guard !engines.isEmpty else { return "nothing was run" }
    guard engines.count > 1 else { return "there is no second engine" }
    if let layer = layers.first(where: { $0.adversarial == nil }) {
      return "layer '\(layer.name)' has no inputs that drive it to its bounds"
    }
    guard let network, network.inputs > 0 else {
      return network?.reason ?? "the network was run on no inputs"
    }
    return network.reason
  }

  /// What does not hold, one sentence each; empty where everything is proven.
  public var failures: [String] {
    layers.flatMap(\.failures) + inconsistencies
      + [network?.difference].compactMap { $0 }.map { "the engines differ: \($0)" }
  }
}

extension ModelProof {
  private enum CodingKeys: String, CodingKey {
    case accumulatorBits, widthFrom, requantization, layers, inFloat, inconsistencies, network,
      engines,
      failures, enginesCompared, notCompared
  }

  /// Writes what follows from the fields, too.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(accumulatorBits, forKey: .accumulatorBits)
    try container.encode(widthFrom, forKey: .widthFrom)
    try container.encode(requantization, forKey: .requantization)
    try container.encode(layers, forKey: .layers)
    try container.encode(inFloat, forKey: .inFloat)
    try container.encode(inconsistencies, forKey: .inconsistencies)
    try container.encodeIfPresent(network, forKey: .network)
    try container.encode(engines, forKey: .engines)
    try container.encode(failures, forKey: .failures)
    try container.encode(notCompared == nil, forKey: .enginesCompared)
    try container.encodeIfPresent(notCompared, forKey: .notCompared)
  }
}

/// What is known of the accumulators of one product of codes.
public struct LayerProof: Sendable, Encodable {
  /// The node's label in the model.
  public var name: String
  /// The operator that the integer engine runs, as ONNX names it.
  public var operatorType: String
  /// Products in a sum; `nil` where their number depends on data.
  public var terms: Int?
  /// How many products of a filter, whichever they are and whatever the codes, sums of 16 bits hold, of the
  /// filter with the fewest; kernels that add in 16 bits empty their sums as often as that needs
  /// (Decision 0007). `nil` where both factors are computed.
  public var depthOf16Bits: Int?
  /// The least and the largest code of its input, less the zero point.
  public var inputCodes: [Int]
  /// One bound a filter; one alone where both factors are computed.
  public var filters: [FilterBound]
  /// The width that the accumulators were held against, in bits.
  public var availableBits: Int
  /// What came of the inputs that drive every accumulator to its bounds; `nil` where they were not run.
  public var adversarial: AdversarialRun?

  /// What the accumulator of a filter can hold.
  public struct FilterBound: Sendable, Hashable, Encodable {
    /// Bits that hold every sum of some of the terms, in any order.
    public var bits: Int
    /// The least and the largest sum of all terms and the bias.
    public var sum: [Int]
    /// The least and the largest sum of some of the terms, the bias among them, in any order.
    public var anyOrder: [Int]
  }

  /// What inputs at the bounds gave.
  public struct AdversarialRun: Sendable, Hashable, Encodable {
    /// Inputs that were run: two for every filter of a group.
    public var inputs: Int
    /// Bounds, two a filter, that the accumulator reached exactly.
    public var boundsReached: Int
    /// Bounds that it should reach.
    public var bounds: Int
    /// The filter whose accumulator missed its bound first, with both numbers.
    public var miss: String?
    /// Engines that ran them.
    public var engines: Int
    /// What the engines have differently; `nil` where their integers are the same.
    public var difference: String?
  }

  /// The filter that needs most: of those with the most bits, the one that gets farthest.
  public var worstFilter: Int? {
    filters.indices.max { a, b in
      func reach(_ bound: FilterBound) -> Int { max(bound.anyOrder[1], ~bound.anyOrder[0]) }
      return reach(filters[a]) < reach(filters[b])
    }
  }

  /// Bits that the accumulators of all filters fit; `nil` where no bound is known.
  public var neededBits: Int? { worstFilter.map { filters[$0].bits } }

  /// Whether no accumulator can overflow the width, whatever the input and the order.
  public var isProven: Bool { neededBits.map { $0 <= availableBits } ?? false }

  /// `needs 15 bits, has 16`
  public var verdict: String {
    guard let neededBits else { return "no bound is known, has \(availableBits)" }
    return "needs \(neededBits) bits, has \(availableBits)"
  }

  /// What does not hold.
  var failures: [String] {
    var failures: [String] = []
    if !isProven {
      let filter = filters.count > 1 ? worstFilter.map { ", filter \($0)," } ?? "" : ""
      failures.append("layer '\(name)'\(filter) \(verdict)")
    }
    if let run = adversarial {
      if let miss = run.miss { failures.append("layer '\(name)': \(miss)") }
      if let difference = run.difference {
        failures.append("layer '\(name)': the engines differ on adversarial inputs: \(difference)")
      }
    }
    return failures
  }

  private enum CodingKeys: String, CodingKey {
    case name, operatorType, terms, depthOf16Bits, inputCodes, filters, availableBits, adversarial,
      neededBits, worstFilter, isProven
  }

  /// Writes what follows from the fields, too.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(operatorType, forKey: .operatorType)
    try container.encodeIfPresent(terms, forKey: .terms)
    try container.encodeIfPresent(depthOf16Bits, forKey: .depthOf16Bits)
    try container.encode(inputCodes, forKey: .inputCodes)
    try container.encode(filters, forKey: .filters)
    try container.encode(availableBits, forKey: .availableBits)
    try container.encodeIfPresent(adversarial, forKey: .adversarial)
    try container.encodeIfPresent(neededBits, forKey: .neededBits)
    try container.encodeIfPresent(worstFilter, forKey: .worstFilter)
    try container.encode(isProven, forKey: .isProven)
  }
}
