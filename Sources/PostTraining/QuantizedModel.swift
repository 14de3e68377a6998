public import Calibration
public import Graph
public import Operations
public import Quantization
package import Tensors

/// A model with all its quantizers and codes, from which graphs for every target are written.
public struct QuantizedModel: Sendable {
  /// What is quantized how.
  public let plan: QuantizationPlan
  /// The settings that the plan was made with.
  public let settings: QuantizationSettings
  /// Codes of the weights, by index of the node.
  public let weights: [Int: QuantizedWeights]
  /// Float biases of weighted nodes, corrected, by index of the node.
  package let biases: [Int: [Float]]
  /// Layers whose scales were to be chosen by the error of outputs and were not: the statistics hold no
  /// moments.
  let layersWithoutMoments: [String]
  /// How scales came about that suit an accumulator of a width, by index of the node.
  let determinations: [Int: ShiftDetermination]
  /// Codes of constant operands of quantized nodes, by name.
  package let constants: [String: QuantizedConstant]
}

/// A constant operand, quantized like an activation.
package struct QuantizedConstant: Sendable {
  package let codes: Tensor
  package let quantizer: Quantizer

  /// What the codes stand for.
  package var values: Tensor {
    Tensor(
      codes.array(of: UInt8.self).map { quantizer.value(of: Int($0)) }, shape: codes.shape)
  }
}

extension QuantizedModel {
  /// Quantizes a prepared graph.
  ///
  /// - Parameters:
  ///   - graph: The graph, prepared by `preparedForQuantization(_:)`.
  ///   - histograms: What was observed of the values that ``QuantizationPlan/observedValues`` names.
  ///   - channelMeans: Means of the channels of values that ``QuantizationPlan/channelAxes`` names, for
  ///     the correction of biases; values without are not corrected.
  ///   - patchMoments: Moments of the patches that `QuantizationPlan.patches(for:)` names, for the choice of
  ///     scales; layers without keep theirs of least squares.
  ///   - replay: The samples, for improvements that run the network again.
  ///   - settings: How to quantize.
  ///   - backend: Where least-squares searches run.
  /// - Throws: ``SettingsError`` and `GraphError`.
  public init<B: Backend>(
    _ graph: Graph, histograms: [String: Histogram], channelMeans: [String: [Double]] = [:],
    patchMoments: [String: [PatchGeometry: PatchMoments]] = [:], replay: CalibrationReplay? = nil,
    settings: QuantizationSettings, on backend: B
  ) throws {
    var plan = try QuantizationPlan(graph, settings: settings)
    try plan.assign(histograms, settings: settings, on: backend)
    if settings.activationRange == .crossEntropy {
      guard let replay else {
        throw SettingsError(
          "the range method 'crossentropy' runs the network again: it needs data, not statistics")
      }
      try plan.chooseLastRange(histograms, replay, settings: settings, on: backend)
    }
    let index = GraphIndex(plan.graph)
    let quantization = LayerQuantization(
      index: index, channelMeans: channelMeans, patchMoments: patchMoments, settings: settings,
      backend: backend)
    var layers = try quantization.layers(&plan, histograms)
    if settings.improvements.contains(.sequential) {
      guard let replay else {
        throw SettingsError(
          "the improvement 'sequential' runs the network again and again: it needs data, not statistics"
        )
      }
      plan.warnings += try SequentialQuantization(quantization: quantization, replay: replay)
        .refine(&layers, plan)
    }
    for (number, layer) in layers.sorted(by: { $0.key < $1.key }) {
      plan.warnings += (layer.weights.remedies + layer.warnings).map {
        "\(index.nodes[number].label): \($0)"
      }
    }
    try self.init(
      plan, settings: settings, weights: layers.mapValues(\.weights),
      biases: layers.compactMapValues(\.bias),
      layersWithoutMoments: layers.filter(\.value.lacksMoments).keys.sorted().map {
        index.nodes[$0].label
      }, determinations: layers.compactMapValues(\.determination))
  }

  /// A model whose weights have their codes already.
  ///
  /// - Parameters:
  ///   - plan: The plan of a graph that has the parameters to be written; every value has its
  ///     quantizer.
  ///   - settings: The settings that the plan was made with.
  ///   - weights: Codes of the weights of every node in the plan's ``QuantizationPlan/weights``.
  ///   - biases: Float biases of these nodes, where they have one.
  ///   - layersWithoutMoments: Layers whose scales were to be chosen by the error of outputs and were not.
  ///   - determinations: How scales came about that suit an accumulator, by index of the node.
  /// - Throws: `GraphError` for constants that are not finite.
  package init(
    _ plan: QuantizationPlan, settings: QuantizationSettings, weights: [Int: QuantizedWeights],
    biases: [Int: [Float]], layersWithoutMoments: [String] = [],
    determinations: [Int: ShiftDetermination] = [:]
  ) throws {
    self.plan = plan
    self.settings = settings
    self.weights = weights
    self.biases = biases
    self.layersWithoutMoments = layersWithoutMoments
    self.determinations = determinations
    constants = try plan.quantizedConstants(settings)
  }

  /// The same model with other quantizers of activations, codes of weights and biases.
  ///
  /// - Parameters:
  ///   - plan: The plan, of which nothing but quantizers of activations and warnings has changed.
  ///   - weights: Codes of the weights of every node in the plan's ``QuantizationPlan/weights``.
  ///   - biases: Float biases of these nodes, where they have one.
  /// - Throws: `GraphError` for constants that are not finite.
  package func replacing(
    _ plan: QuantizationPlan, weights: [Int: QuantizedWeights], biases: [Int: [Float]]
  ) throws -> QuantizedModel {
    try QuantizedModel(
      plan, settings: settings, weights: weights, biases: biases,
      layersWithoutMoments: layersWithoutMoments, determinations: determinations)
  }

  /// The graph for the target of ``settings``, with the version of the operator set that its types
  /// need and the settings in its metadata.
  public func graph() throws -> Graph {
    var emitter = Emitter(self)
    var graph =
      switch settings.target {
      case .qoperator: emitter.emitQOperator()
      case .matMulNBits: emitter.emitMatMulNBits()
      case .ortCPU, .qdq: emitter.emitQDQ()
      }
    graph = try graph.upgraded(toOpset: requiredOpset(of: graph))
    if graph.nodes.contains(where: { $0.domain == "com.microsoft" }) {
      graph.opsets["com.microsoft"] = 1
    }
    graph.metadata.merge(metadata) { _, new in new }
    try requireAccumulators(of: graph)
    return graph
  }
}

extension QuantizationPlan {
  /// The constant operands of quantized nodes without weights, by name.
  package func quantizedConstants(
    _ settings: QuantizationSettings
  ) throws -> [String: QuantizedConstant] {
    let index = GraphIndex(graph)
    var constants: [String: QuantizedConstant] = [:]
    for (number, node) in index.nodes.enumerated()
    where decisions[number] == .quantized && weights[number] == nil {
      for value in node.inputs where node.takesData(value) && constants[value] == nil {
        guard let tensor = index.constants[value] else { continue }
        try index.requireFinite([value], of: number)
        constants[value] = QuantizedConstant(tensor, settings)
      }
    }
    return constants
  }
}

extension QuantizedConstant {
  /// Quantizes `tensor` over its exact range with 256 levels, by the scales that `settings` allow.
  init(_ tensor: Tensor, _ settings: QuantizationSettings) {
    let values = tensor.array(of: Float.self)
    let histogram = Histogram(values)
    let found = Quantization.quantizer(
      from: histogram, method: .minmax, levels: 256, scheme: settings.scheme(of: histogram))
    let quantizer = settings.scales == .powerOfTwo ? found.withPowerOfTwoScale(for: values) : found
    self.quantizer = quantizer
    codes = Tensor(
      values.map { UInt8(quantizer.code(of: $0)) }, shape: tensor.shape, as: .uint8)
  }
}
