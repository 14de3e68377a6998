import Execution
import Graph
import Quantization
import Tensors

/// Finds the quantizers and the products of codes of a graph whose nodes are in order.
struct QuantizedFileReader {
  private(set) var layers: [QuantizationReport.Layer] = []
  private(set) var activations: [QuantizationReport.Activation] = []
  private(set) var ranges: [ObservedRange] = []
  private(set) var codes: [WeightCodes] = []

  private let index: GraphIndex
  private let histograms: [String: Histogram]
  private let integers: IntegerParts
  /// Level counts of weights by the layer's label, as the metadata of `qtool` say.
  private let statedLevels: [String: Int]

  init(_ graph: Graph, _ histograms: [String: Histogram], _ integers: IntegerParts) {
    index = GraphIndex(graph)
    self.histograms = histograms
    self.integers = integers
    statedLevels = graph.statedLevels.mapValues(\.weights)
  }

  mutating func read() {
    for number in index.nodes.indices {
      addRange(of: index.nodes[number])
      addLayer(number)
    }
  }

  // MARK: Activations

  /// The quantizer that a node applies to its result.
  private mutating func addRange(of node: Node) {
    guard let place = Self.resultScale[node.operatorType], node.inputs.count > place + 1,
      let written = node.outputs.first,
      node.operatorType != "QuantizeLinear" || index.constants[node.inputs[0]] == nil,
      let quantizer = quantizer(
        scale: node.inputs[place], zeroPoint: node.inputs[place + 1], codes: written)
    else { return }
    let suffix = "_quantized"
    var name = written.hasSuffix(suffix) ? String(written.dropLast(suffix.count)) : written
    if node.operatorType == "QuantizeLinear" { name = node.inputs[0] }
    let histogram = histograms[name]
    ranges.append(ObservedRange(values: [name], quantizer: quantizer, histogram: histogram))
    activations.append(
      .init(
        name: name, quantizer, sharedWith: nil, method: "", minimum: histogram?.minimum,
        maximum: histogram?.maximum, histogram: histogram))
  }

  /// Where operators have the scale of their result; its zero point follows.
  private static let resultScale = [
    "QuantizeLinear": 1, "QLinearConv": 6, "QLinearMatMul": 6, "QGemm": 7, "QLinearAdd": 6,
    "QLinearMul": 6, "QLinearConcat": 0, "QLinearAveragePool": 3, "QLinearGlobalAveragePool": 3,
    "QLinearSigmoid": 3, "QLinearLeakyRelu": 3, "QLinearSoftmax": 3,
  ]

  /// One scale and zero point of constants, for the codes that a Clip behind them leaves.
  private func quantizer(scale: String, zeroPoint: String, codes: String) -> Quantizer? {
    guard let scale = index.constants[scale], scale.elementType == .float32, scale.count == 1,
      let zero = index.constants[zeroPoint], zero.count == 1,
      let type = zero.elementType.integerRange, type.count <= Quantizer.levelRange.upperBound,
      Quantizer.scaleRange.contains(scale.array(of: Float.self)[0])
    else { return nil }
    var range = type
    if let reader = index.onlyReader(of: codes), index.nodes[reader].operatorType == "Clip" {
      let bounds = index.nodes[reader].inputs.dropFirst().compactMap {
        index.constants[$0]?.integers().first
      }
      if bounds.count == 2, bounds[0] < bounds[1] {
        range = range.clamped(to: bounds[0]...bounds[1])
      }
    }
    let zeroCode = zero.integers()[0]
    // Codes that a fused Clip leaves need not hold zero; the quantizer's do.
    range = min(range.lowerBound, zeroCode)...max(range.upperBound, zeroCode)
    return Quantizer(
      scale: scale.array(of: Float.self)[0], zeroPoint: zeroCode - range.lowerBound,
      levels: range.count)
  }

  // MARK: Layers

  /// Where products have scale and zero point of their data, and their weights with scale and zero
  /// point.
  private static let operands: [String: (data: (Int, Int), weights: (Int, Int, Int))] = [
    "QLinearConv": ((1, 2), (3, 4, 5)), "QLinearMatMul": ((1, 2), (3, 4, 5)),
    "QGemm": ((1, 2), (3, 4, 5)),
  ]

  private mutating func addLayer(_ number: Int) {
    let node = index.nodes[number]
    guard let operands = factors(of: node) else { return }
    let layer = integers.layers[number]
    let accumulator = layer?.accumulator
    var entry = QuantizationReport.Layer(
      name: node.label, operatorType: node.operatorType,
      execution: layer?.operatorType
        ?? "float: \(integers.islands[number]?.reason ?? "no integer form is known")",
      activationLevels: operands.data?.levels ?? 256, activationScale: operands.data?.scale,
      activationZeroPoint: operands.data?.zeroPoint, accumulatorBits: accumulator?.bits,
      fits32Bits: accumulator?.fits32Bits)
    if let weights = operands.weights {
      let type = weights.codes.elementType
      let most = 1 << type.bitCount
      let stated = statedLevels[node.label].flatMap { 2...most ~= $0 ? $0 : nil }
      let levels = stated ?? most
      entry.weightLevels = levels
      entry.weightBits = type.bitCount
      entry.weightScales =
        weights.scales.isEmpty
        ? nil : [weights.scales.min() ?? 0, weights.scales.max() ?? 0]
      entry.granularity =
        weights.scales.count == 1 ? "tensor" : weights.isBlocked ? "group" : "channel"
      // Counts of codes are for as many as a quantizer can have.
      if levels <= Quantizer.levelRange.upperBound {
        codes.append(
          WeightCodes(
            layer: node.label, codes: weights.codes.integers().map { $0 - weights.zeroPoint },
            range: -(levels / 2)...(levels - 1 - levels / 2)))
      }
    }
    layers.append(entry)
  }

  private struct Factors {
    var data: Quantizer?
    var weights: (codes: Tensor, scales: [Float], zeroPoint: Int, isBlocked: Bool)?
  }

  /// The factors of a product of codes, or of dequantized codes; `nil` for other nodes.
  private func factors(of node: Node) -> Factors? {
    if let places = Self.operands[node.operatorType] {
      let names = node.inputs
      let (w, s, z) = places.weights
      guard names.count > z else { return nil }
      return Factors(
        data: quantizer(
          scale: names[places.data.0], zeroPoint: names[places.data.1], codes: ""),
        weights: weights(codes: names[w], scale: names[s], zeroPoint: names[z]))
    }
    guard ["Conv", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger"].contains(node.operatorType),
      node.inputs.count > 1
    else { return nil }
    if node.operatorType == "MatMulInteger" {
      return Factors(weights: weights(codes: node.inputs[1], scale: "", zeroPoint: ""))
    }
    func dequantizer(_ name: String) -> Node? {
      guard let writer = index.writer[name] else { return nil }
      let source = index.nodes[writer]
      if ["Reshape", "Transpose"].contains(source.operatorType) {
        return dequantizer(source.inputs[0])
      }
      return source.operatorType == "DequantizeLinear" ? source : nil
    }
    guard let data = dequantizer(node.inputs[0]), let right = dequantizer(node.inputs[1]) else {
      return nil
    }
    var found = Factors(
      weights: weights(
        codes: right.inputs[0], scale: right.inputs[1],
        zeroPoint: right.inputs.count > 2 ? right.inputs[2] : ""))
    found.weights?.isBlocked = right.attributes["block_size"] != nil
    if data.inputs.count > 2 {
      let codes = index.writer[data.inputs[0]].map { index.nodes[$0] }
      // The Clip that cuts codes off stands between the quantizer and its reader.
      let source = codes?.operatorType == "Clip" ? codes?.inputs[0] : data.inputs[0]
      found.data = quantizer(
        scale: data.inputs[1], zeroPoint: data.inputs[2], codes: source ?? "")
    }
    return found
  }

  /// Constant codes, also behind a Cast, with their scales.
  private func weights(
    codes: String, scale: String, zeroPoint: String
  ) -> (codes: Tensor, scales: [Float], zeroPoint: Int, isBlocked: Bool)? {
    var codes = codes
    if let writer = index.writer[codes], index.nodes[writer].operatorType == "Cast" {
      codes = index.nodes[writer].inputs[0]
    }
    guard let tensor = index.constants[codes], tensor.elementType.isInteger else { return nil }
    let scales = index.constants[scale].flatMap {
      $0.elementType == .float32 ? $0.array(of: Float.self) : nil
    }
    let zeros = Set(index.constants[zeroPoint]?.integers() ?? [0])
    return (tensor, scales ?? [], zeros.count == 1 ? zeros.first ?? 0 : 0, false)
  }
}
