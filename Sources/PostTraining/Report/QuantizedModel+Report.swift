public import Graph
public import Quantization
import Tensors

extension QuantizedModel {
  /// Fewer samples than this make ranges that a few outliers decide.
  private static var fewSamples: Int { 32 }

  /// What was done.
  ///
  /// - Parameters:
  ///   - original: Bytes of the constants of the float model.
  ///   - written: The graph that was written.
  ///   - histograms: What was observed.
  ///   - sampleCount: Samples observed.
  public func report(
    original: Int, written: Int, histograms: [String: Histogram], sampleCount: Int
  ) -> QuantizationReport {
    var warnings = plan.warnings
    if sampleCount < Self.fewSamples {
      warnings.append(
        "only \(sampleCount) samples: ranges may miss what other data hold; \(Self.fewSamples) or "
          + "more are better")
    }
    return QuantizationReport(
      settings: settings.summary, target: settings.target.rawValue, sampleCount: sampleCount,
      layers: layers, activations: activations(histograms), fused: fused,
      floatNodes: plan.floatNodes.map {
        .init(name: $0.node.label, operatorType: $0.node.operatorType, reason: $0.reason)
      }, notes: notes, warnings: warnings, constantBytes: .init(before: original, after: written))
  }

  private var layers: [QuantizationReport.Layer] {
    plan.graph.nodes.indices.compactMap { number in
      let node = plan.graph.nodes[number]
      guard plan.decisions[number] == .quantized else { return nil }
      let weights = weights[number]
      let scales = weights?.quantizers.map(\.scale)
      return QuantizationReport.Layer(
        name: node.label, operatorType: node.operatorType, execution: execution(of: number),
        weightLevels: weights?.quantizers.first?.levels,
        weightBits: weights?.codes.elementType.bitCount,
        granularity: weights.map { granularity(of: $0) },
        weightRange: weights.map {
          $0.isChosenByOutputs
            ? "error of outputs" : settings.weightRange(levels: $0.quantizers[0].levels).description
        },
        weightScales: scales.map { [$0.min() ?? 0, $0.max() ?? 0] },
        weightSQNR: weights?.signalToNoise,
        activationLevels: plan.values[operand(of: node)]?.levels ?? 0)
    }
  }

  private func operand(of node: Node) -> String {
    node.inputs.first { plan.values[$0] != nil } ?? ""
  }

  private func granularity(of weights: QuantizedWeights) -> String {
    guard weights.axis != nil else { return "tensor" }
    return weights.groupSize.map { "group:\($0)" } ?? "channel"
  }

  /// How ONNX Runtime's CPU provider executes a quantized node (version 1.31, measured).
  func execution(of number: Int) -> String {
    let node = plan.graph.nodes[number]
    let operands = node.inputs.filter { plan.values[$0] != nil }
    if operands.contains(where: { (plan.values[$0]?.levels ?? 0) > 256 }) {
      return "float: no integer kernel takes 16-bit activations"
    }
    guard let weights = weights[number] else {
      if node.operatorType == "MatMul", !hasQuantizedResult(node) { return "MatMulInteger" }
      return OperatorRole.integerKernel(of: node.operatorType)
    }
    if weights.groupSize != nil { return "float: no integer kernel takes weights in groups" }
    if settings.target == .qdq, weights.codes.elementType != .int8 {
      return
        "float: \(weights.codes.elementType) weights are not cast for ONNX Runtime in this target"
    }
    if plan.isClippedInFloat(number, in: GraphIndex(plan.graph), target: settings.target) {
      return "float: the Clip behind it cuts off more than the quantizer of its result"
    }
    switch node.operatorType {
    case "ConvTranspose": return "float: there is no integer ConvTranspose"
    case "MatMul" where !hasQuantizedResult(node): return "MatMulInteger"
    default: return OperatorRole.integerKernel(of: node.operatorType)
    }
  }

  private func hasQuantizedResult(_ node: Node) -> Bool {
    plan.values[node.outputs[0]] != nil
  }

  private func activations(
    _ histograms: [String: Histogram]
  ) -> [QuantizationReport.Activation] {
    plan.values.sorted { $0.key < $1.key }.compactMap { name, value in
      guard let quantizer = value.quantizer else { return nil }
      let seen = value.rangeSources.compactMap { histograms[$0] }
      return QuantizationReport.Activation(
        name: name, levels: quantizer.levels, scale: quantizer.scale,
        zeroPoint: quantizer.zeroPoint, sharedWith: value.group == name ? nil : value.group,
        range: settings.activationRange.description,
        minimum: seen.compactMap(\.minimum).min(), maximum: seen.compactMap(\.maximum).max())
    }
  }

  private var fused: [QuantizationReport.FusedNode] {
    zip(plan.graph.nodes, plan.decisions).compactMap { node, decision in
      guard case .fusedIntoQuantizer(let value) = decision else { return nil }
      return .init(name: node.label, operatorType: node.operatorType, quantizerOf: value)
    }
  }

  private var notes: [String] {
    var notes: [String] = []
    if let levels = settings.borderLevels {
      notes.append(
        "the first and the last layers have \(levels) levels; --no-first-last changes it")
    }
    let carried = plan.values.filter { $0.value.levels > settings.activations.levels }
    if settings.activations.levels < 256, !carried.isEmpty {
      notes.append(
        "\(carried.count) activations have more levels than asked for: those of first and last "
          + "layers, and those that no weighted layer reads")
    }
    if !layersWithoutMoments.isEmpty {
      let names = layersWithoutMoments.prefix(3).joined(separator: ", ")
      notes.append(
        "\(layersWithoutMoments.count) layers (\(names)\(layersWithoutMoments.count > 3 ? "..." : "")) keep "
          + "their scales of least squared error: the statistics hold no moments of what their filters "
          + "meet; 'qtool calibrate' of this version gathers them where they are not too many")
    }
    return notes
  }
}

extension Graph {
  /// Bytes that the constants take in a file, sub-byte types packed.
  public var packedConstantBytes: Int {
    initializers.values.reduce(0) { $0 + ($1.count * $1.elementType.bitCount + 7) / 8 }
  }
}
