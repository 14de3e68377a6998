import Graph
import Quantization
import Tensors

extension QuantizedModel {
  /// The lowest version of ONNX's operator set that has the types and forms which the graph uses.
  func requiredOpset(of graph: Graph) -> Int {
    var types = Set(graph.initializers.values.map(\.elementType))
    types.formUnion(
      plan.values.values.compactMap(\.quantizer).map {
        CodeStorage.type(levels: $0.levels, target: settings.target)
      })
    if !types.isDisjoint(with: [.int2, .uint2]) { return 25 }
    if !types.isDisjoint(with: [.int4, .uint4, .uint16]) { return 21 }
    if graph.nodes.contains(where: { $0.attributes["block_size"] != nil && $0.domain.isEmpty }) {
      return 21
    }
    // Quantizers along an axis.
    return 13
  }

  /// The IR version to write with a version of the operator set: what came out with it, and no more,
  /// because runtimes refuse files that are newer than they are.
  public static func irVersion(opset: Int) -> Int {
    switch opset {
    case ...18: 8
    case 19...20: 9
    case 21...22: 10
    case 23: 11
    case 24: 12
    default: 13
    }
  }

  /// What the written model says about itself.
  var metadata: [String: String] {
    var levels: [String] = []
    for (number, weights) in weights.sorted(by: { $0.key < $1.key }) {
      let node = plan.graph.nodes[number]
      let data = plan.values[node.inputs[0]]?.levels ?? 0
      levels.append("\(node.label)=\(weights.quantizers[0].levels)x\(data)")
    }
    var metadata = [
      Graph.levelsKey: levels.joined(separator: "\n"),
      "qtool.settings": settings.summary,
      Requantization.metadataKey: settings.requantization.rawValue,
    ]
    metadata[AccumulatorWidth.metadataKey] = settings.accumulator.map { "\($0.bits)" }
    return metadata
  }
}

extension QuantizationSettings {
  /// The settings in one line.
  public var summary: String {
    var parts = [
      "target=\(target.rawValue)", "weight-levels=\(weights.levels)",
      "weight-range=\(weightRange(levels: weights.levels))",
    ]
    if weightOnly == nil {
      parts += ["activation-levels=\(activations.levels)", "range=\(activationRange)"]
    }
    parts += ["granularity=\(granularity)", "scheme=\(scales.rawValue)"]
    let passes = improvements.sorted().map(\.rawValue).joined(separator: ",")
    parts.append("improve=\(passes.isEmpty ? "none" : passes)")
    if let weightOnly {
      parts.append("weight-only=\(weightOnly.hasZeroPoints ? "zero-points" : "symmetric")")
    }
    if let activationGroups {
      parts.append(
        "activation-groups=\(activationGroups.count)\(activationGroups.permutes ? "" : " in order")"
      )
    }
    if requantization != .float { parts.append("requantization=\(requantization.rawValue)") }
    parts += accumulator?.summary ?? []
    if let borderLevels {
      parts.append("first-last-levels=\(borderLevels)")
      parts.append("first-last-weight-range=\(weightRange(levels: borderLevels))")
    }
    return parts.joined(separator: " ")
  }
}
