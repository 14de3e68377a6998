import Execution
public import Graph
public import Quantization
import Tensors

extension QuantizedModel {
  /// Of n samples and one more, the one more holds the largest value of a tensor with the chance
  /// 1 / (n + 1), however values are distributed. From 32 samples on that is 3 % at either end.
  private static var fewSamples: Int { 32 }

  /// What was done.
  ///
  /// - Parameters:
  ///   - original: Bytes of the constants of the float model.
  ///   - written: The graph that was written.
  ///   - histograms: What was observed.
  ///   - sampleCount: Samples observed.
  ///   - graph: The graph that was written, where what its accumulators need is wanted.
  public func report(
    original: Int, written: Int, histograms: [String: Histogram], sampleCount: Int,
    graph: Graph? = nil
  ) -> QuantizationReport {
    var warnings = plan.warnings
    // Without samples the calibration says what ranges come from instead.
    if settings.weightOnly == nil, sampleCount > 0, sampleCount < Self.fewSamples {
      warnings.append(
        "only \(sampleCount) samples: one new sample in \(sampleCount + 1) goes beyond the largest value "
          + "seen of a tensor, however values are distributed, and as many below the smallest; from "
          + "\(Self.fewSamples) samples on it is one in \(Self.fewSamples + 1)")
    }
    for name in plan.observedValues.sorted() {
      guard let histogram = histograms[name], histogram.nans + histogram.infinities > 0 else {
        continue
      }
      warnings.append(
        "'\(name)' held \(histogram.nans) NaN and \(histogram.infinities) infinities, which decided no "
          + "range")
    }
    var integers: [Int: IntegerLayer] = [:]
    do {
      integers = try graph.map(integerLayers) ?? [:]
    } catch {
      warnings.append("what accumulators need is not known: \(error)")
    }
    return QuantizationReport(
      settings: settings.summary, target: settings.target.rawValue, sampleCount: sampleCount,
      layers: layers(integers), activations: activations(histograms),
      fused: fused,
      floatNodes: plan.floatNodes.map {
        .init(name: $0.node.label, operatorType: $0.node.operatorType, reason: $0.reason)
      }, notes: notes, warnings: warnings, constantBytes: .init(before: original, after: written))
  }

  /// The places in `graph` of the planned products, by the planned node: both graphs have the same
  /// products in the same order.
  func writtenProducts(of graph: Graph) throws(GraphError) -> [Int: Int] {
    let products: Set = [
      "Conv", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul", "QGemm",
      "MatMulInteger", "ConvInteger", "MatMulNBits",
    ]
    let planned = plan.graph.nodes.indices.filter {
      products.contains(plan.graph.nodes[$0].operatorType)
    }
    let written = graph.nodes.indices.filter { products.contains(graph.nodes[$0].operatorType) }
    guard planned.count == written.count else {
      throw .invalid(
        "the written graph has \(written.count) products for \(planned.count) planned ones")
    }
    return Dictionary(uniqueKeysWithValues: zip(planned, written))
  }

  /// What the integer engine makes of the products of codes in `graph`, by the planned node.
  private func integerLayers(of graph: Graph) throws -> [Int: IntegerLayer] {
    let written = try writtenProducts(of: graph)
    let parts = try graph.integerParts()
    return written.compactMapValues { parts.layers[$0] }
  }

  private func layers(_ integers: [Int: IntegerLayer]) -> [QuantizationReport.Layer] {
    plan.graph.nodes.indices.compactMap { number in
      let node = plan.graph.nodes[number]
      guard plan.decisions[number] == .quantized else { return nil }
      let weights = weights[number]
      let scales = weights?.quantizers.map(\.scale)
      let input = plan.values[operand(of: node)]
      let accumulator = integers[number]?.accumulator
      return QuantizationReport.Layer(
        name: node.label, operatorType: node.operatorType, execution: execution(of: number),
        weightLevels: weights?.quantizers.first?.levels,
        weightBits: weights?.codes.elementType.bitCount,
        granularity: weights.map { granularity(of: $0) },
        weightRange: weights.map { weightRange(of: $0, determinations[number]) },
        weightScales: scales.map { [$0.min() ?? 0, $0.max() ?? 0] },
        weightSQNR: weights?.signalToNoise,
        activationLevels: input?.levels ?? 0, activationScale: input?.quantizer?.scale,
        activationZeroPoint: input?.quantizer?.zeroPoint, accumulatorBits: accumulator?.bits,
        fits32Bits: accumulator?.fits32Bits)
    }
  }

  private func operand(of node: Node) -> String {
    node.inputs.first { plan.values[$0] != nil } ?? ""
  }

  /// How the scales of weights came about.
  private func weightRange(
    of weights: QuantizedWeights, _ determination: ShiftDetermination?
  ) -> String {
    let method =
      weights.isChosenByOutputs
      ? "error of outputs" : settings.weightRange(levels: weights.quantizers[0].levels).description
    guard let raised = determination?.raisedScales, raised > 0 else { return method }
    return "\(method), \(raised) of \(weights.quantizers.count) scales raised for accumulators"
  }

  private func granularity(of weights: QuantizedWeights) -> String {
    guard weights.axis != nil else { return "tensor" }
    return weights.groupSize.map { "group:\($0)" } ?? "channel"
  }

  /// How ONNX Runtime's CPU provider executes a quantized node (version 1.31, measured).
  func execution(of number: Int) -> String {
    let node = plan.graph.nodes[number]
    if settings.weightOnly != nil { return weightOnlyExecution(of: number) }
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

  /// How ONNX Runtime executes a layer of which weights alone are quantized.
  private func weightOnlyExecution(of number: Int) -> String {
    let node = plan.graph.nodes[number]
    if settings.target == .matMulNBits, weights[number]?.codes.rank == 2,
      ["Gemm", "MatMul"].contains(node.operatorType)
    {
      return "float: MatMulNBits takes float data"
    }
    return "float: weights alone are quantized"
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
      return .init(
        name: name, quantizer, sharedWith: value.group == name ? nil : value.group,
        method: (value.method ?? settings.activationRange).description,
        minimum: seen.compactMap(\.minimum).min(),
        maximum: seen.compactMap(\.maximum).max(), histogram: plan.histogram(of: value, histograms))
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
    if settings.requantization != .float {
      notes.append(
        "requantization '\(settings.requantization.rawValue)' (\(settings.requantization.summary)) is "
          + "what the integer engine computes; ONNX Runtime and the float engine round half to even, and "
          + "their codes can differ")
    }
    if let levels = settings.borderLevels {
      notes.append(
        "the first and the last layers have \(levels) levels; --no-first-last changes it")
    }
    notes += storageNotes
    let carried = plan.values.filter { $0.value.levels > settings.activations.levels }
    if settings.weightOnly == nil, settings.activations.levels < 256, !carried.isEmpty {
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
