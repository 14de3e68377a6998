import Execution
import Graph
import Quantization
import Tensors

/// Checks that codes, scales and zero points of a model go together, as its file has them.
struct CodeConsistency {
  /// What does not, one sentence each, naming node and tensor.
  private(set) var findings: [String] = []

  private let index: GraphIndex
  /// Whether the model says that all its scales are powers of two.
  private let saysPowersOfTwo: Bool
  /// Level counts of weights by the layer's label, as the metadata of `qtool` say.
  private let statedLevels: [String: Int]

  init(_ graph: Graph) throws {
    index = GraphIndex(graph)
    let settings = graph.metadata["qtool.settings"]?.split(separator: " ") ?? []
    saysPowersOfTwo =
      try graph.requantization().needsPowersOfTwo || settings.contains("scheme=shift")
    statedLevels = graph.statedLevels.mapValues(\.weights)
    for node in index.nodes { check(node) }
  }

  // MARK: Nodes

  /// Where operators have codes (`nil` for a result), scale and zero point.
  private static let quantizers: [String: [(codes: Int?, scale: Int, zeroPoint: Int)]] = [
    "QuantizeLinear": [(nil, 1, 2)], "DequantizeLinear": [(0, 1, 2)],
    "QLinearConv": [(0, 1, 2), (3, 4, 5), (nil, 6, 7)],
    "QLinearMatMul": [(0, 1, 2), (3, 4, 5), (nil, 6, 7)],
    "QGemm": [(0, 1, 2), (3, 4, 5), (nil, 7, 8)],
    "QLinearAdd": [(0, 1, 2), (3, 4, 5), (nil, 6, 7)],
    "QLinearMul": [(0, 1, 2), (3, 4, 5), (nil, 6, 7)],
    "QLinearAveragePool": [(0, 1, 2), (nil, 3, 4)],
    "QLinearGlobalAveragePool": [(0, 1, 2), (nil, 3, 4)],
    "QLinearSigmoid": [(0, 1, 2), (nil, 3, 4)], "QLinearLeakyRelu": [(0, 1, 2), (nil, 3, 4)],
    "QLinearSoftmax": [(0, 1, 2), (nil, 3, 4)],
  ]

  private mutating func check(_ node: Node) {
    for place in Self.quantizers[node.operatorType] ?? [] {
      guard node.inputs.count > place.scale, !node.inputs[place.scale].isEmpty else { continue }
      let zero = place.zeroPoint < node.inputs.count ? node.inputs[place.zeroPoint] : ""
      checkQuantizer(
        of: node, codes: place.codes.map { node.inputs[$0] }, scale: node.inputs[place.scale],
        zeroPoint: zero)
    }
    if let stated = statedLevels[node.label], let codes = weightCodes(of: node) {
      checkWeights(of: node, codes, levels: stated)
    }
    checkBias(of: node)
  }

  private mutating func checkQuantizer(
    of node: Node, codes: String?, scale: String, zeroPoint: String
  ) {
    let place = "node '\(node.label)' (\(node.operatorType))"
    guard let scales = index.constants[scale], scales.elementType == .float32 else {
      findings.append("\(place): the scale '\(scale)' is no constant of float32")
      return
    }
    let values = scales.array(of: Float.self)
    if let bad = values.first(where: { !Quantizer.scaleRange.contains($0) }) {
      findings.append("\(place): '\(scale)' holds the scale \(bad)")
    } else if saysPowersOfTwo, let bad = values.first(where: { $0.significandBitPattern != 0 }) {
      findings.append("\(place): '\(scale)' holds \(bad), and all scales are to be powers of two")
    }
    guard !zeroPoint.isEmpty else { return }
    guard let zeros = index.constants[zeroPoint], zeros.elementType.isInteger else {
      findings.append("\(place): the zero point '\(zeroPoint)' is no constant of integers")
      return
    }
    if zeros.count != scales.count {
      findings.append(
        "\(place): \(scales.count) scales in '\(scale)' and \(zeros.count) zero points in "
          + "'\(zeroPoint)'")
    }
    guard let codes, let tensor = index.constants[codes] else { return }
    if tensor.elementType != zeros.elementType {
      findings.append(
        "\(place): the codes '\(codes)' are \(tensor.elementType), their zero point '\(zeroPoint)' "
          + "is \(zeros.elementType)")
    }
  }

  /// Constant weight codes, also behind a Cast, and their zero points.
  private func weightCodes(of node: Node) -> (name: String, tensor: Tensor, zeroPoint: String)? {
    func constant(_ name: String, _ zero: String) -> (String, Tensor, String)? {
      var name = name
      if let writer = index.writer[name], index.nodes[writer].operatorType == "Cast" {
        name = index.nodes[writer].inputs[0]
      }
      guard let tensor = index.constants[name], tensor.elementType.isInteger else { return nil }
      return (name, tensor, zero)
    }
    func input(_ node: Node, _ place: Int) -> String {
      place < node.inputs.count ? node.inputs[place] : ""
    }
    switch node.operatorType {
    case "QLinearConv", "QLinearMatMul", "QGemm": return constant(input(node, 3), input(node, 5))
    case "MatMulInteger": return constant(input(node, 1), input(node, 3))
    case "Conv", "ConvTranspose", "Gemm", "MatMul":
      var name = input(node, 1)
      while let writer = index.writer[name] {
        let source = index.nodes[writer]
        switch source.operatorType {
        case "Reshape", "Transpose": name = source.inputs[0]
        case "DequantizeLinear": return constant(source.inputs[0], input(source, 2))
        default: return nil
        }
      }
      return nil
    default: return nil
    }
  }

  private mutating func checkWeights(
    of node: Node, _ codes: (name: String, tensor: Tensor, zeroPoint: String), levels: Int
  ) {
    let zeros = Set(index.constants[codes.zeroPoint]?.integers() ?? [0])
    guard zeros.count == 1, let zero = zeros.first else { return }
    let range = -(levels / 2)...(levels - 1 - levels / 2)
    let numbers = codes.tensor.integers()
    guard let place = numbers.firstIndex(where: { !range.contains($0 - zero) }) else { return }
    findings.append(
      "node '\(node.label)' (\(node.operatorType)): the code \(numbers[place] - zero) at \(place) of "
        + "'\(codes.name)' is none of its \(levels) levels, \(range.lowerBound) to \(range.upperBound)"
    )
  }

  /// A bias of codes has the unit of the products: half a code apart at most.
  private mutating func checkBias(of node: Node) {
    guard ["Conv", "Gemm"].contains(node.operatorType), node.inputs.count > 2,
      let bias = dequantizer(node.inputs[2]), let data = dequantizer(node.inputs[0]),
      let weights = dequantizer(node.inputs[1]), weights.attributes["block_size"] == nil,
      let codes = index.constants[bias.inputs[0]], codes.elementType == .int32,
      let own = scales(bias), let x = scales(data), x.count == 1, let w = scales(weights)
    else { return }
    for (channel, code) in codes.array(of: Int32.self).enumerated()
    where [own.count, w.count].allSatisfy({ $0 == 1 || $0 == codes.count }) {
      let unit = Double(x[0] * w[w.count == 1 ? 0 : channel])
      let ratio = Double(own[own.count == 1 ? 0 : channel]) / unit
      guard abs(Double(code) * (ratio - 1)) >= 0.5 else { continue }
      findings.append(
        "node '\(node.label)' (\(node.operatorType)): the bias code \(code) of channel \(channel) is in "
          + "units of \(own[own.count == 1 ? 0 : channel]), and products are in units of \(unit)")
      return
    }
  }

  private func dequantizer(_ value: String) -> Node? {
    guard let writer = index.writer[value],
      index.nodes[writer].operatorType == "DequantizeLinear"
    else { return nil }
    return index.nodes[writer]
  }

  private func scales(_ node: Node) -> [Float]? {
    guard let tensor = index.constants[node.inputs[1]], tensor.elementType == .float32 else {
      return nil
    }
    return tensor.array(of: Float.self)
  }
}
