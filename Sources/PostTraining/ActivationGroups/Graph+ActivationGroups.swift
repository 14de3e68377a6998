public import Graph
public import Operations
import Tensors

/// What cutting activations into groups of channels has done.
public struct ActivationGroups: Sendable {
  /// Activations whose channels were reordered by reordering constants.
  public internal(set) var folded: [String] = []
  /// Activations with a Gather before the groups.
  public internal(set) var gathered: [String] = []
  /// Activations whose channels stay in order.
  public internal(set) var inOrder: [String] = []
  /// Products in parts, and their parts together.
  public internal(set) var products = 0
  /// Parts of products.
  public internal(set) var parts = 0
  /// Activations whose channels are not as many in all samples.
  public internal(set) var unknown: [String] = []

  /// What a report says.
  public var notes: [String] {
    var notes = [
      "activation groups: \(products) products are the sums of \(parts) parts; parts are computed on codes, "
        + "their sums in float"
    ]
    for (values, what) in [
      (folded, "channels were reordered in the constants before them"),
      (gathered, "channels are reordered by a Gather"), (inOrder, "channels keep their order"),
      (unknown, "not cut: their last extent is not the same in all samples"),
    ] where !values.isEmpty {
      notes.append("activation groups: \(what): \(values.joined(separator: ", "))")
    }
    return notes
  }
}

extension Graph {
  /// Cuts activations that enter products with constant matrices into groups of channels, so that each can have
  /// a quantizer of its own.
  ///
  /// A product `x W` becomes `x_1 W_1 + x_2 W_2 + ...` over groups of channels of `x` and the rows of `W` that
  /// meet them; each part is a product with one quantizer on its data, as integer engines have it. With
  /// ``PostTraining/ActivationGroupSettings/permutes`` channels are sorted by the width of their range first. Where
  /// the channels come from a product by way of operators that treat them alike, its columns are
  /// reordered, else a Gather does it. But for the order of sums, the graph computes the same.
  ///
  /// Method: Bondarenko et al., Understanding and Overcoming the Challenges of Efficient Transformer
  /// Quantization, EMNLP 2021 (arXiv 2109.12948), section 4, per-embedding-group quantization.
  ///
  /// - Parameters:
  ///   - settings: What is quantized, and the groups.
  ///   - replay: The samples, all of which are run once for the ranges of channels.
  ///   - backend: Where they run.
  /// - Throws: `GraphError` for values that are not finite and graphs that are invalid; ``PostTraining/SettingsError``.
  public mutating func splitActivations<B: Backend>(
    _ settings: QuantizationSettings, _ replay: CalibrationReplay, on backend: B
  ) throws -> ActivationGroups {
    guard let groups = settings.activationGroups else { return ActivationGroups() }
    let plan = try QuantizationPlan(self, settings: settings)
    var cut = ActivationCut(plan.graph)
    for number in plan.weights.keys.sorted() where plan.splitsProduct(number) {
      cut.add(number)
    }
    let ranges = try channelRanges(of: cut.values, replay, on: backend)
    let orders = ranges.mapValues { ChannelOrder($0, groups) }
    self = try cut.apply(orders)
    return cut.outcome
  }
}

extension QuantizationPlan {
  /// Whether a weighted node is a product whose data can be cut into groups of channels.
  fileprivate func splitsProduct(_ number: Int) -> Bool {
    let node = graph.nodes[number]
    guard ["MatMul", "Gemm"].contains(node.operatorType), decisions[number] == .quantized,
      let matrix = graph.initializers[node.inputs[1]], matrix.rank == 2
    else { return false }
    return matrix.shape[node.integer("transB", default: 0) != 0 ? 1 : 0] > 1
  }
}
