import Graph
import Tensors

/// A node that an ``IntegerNetwork`` computes in float, and why.
public struct FloatIsland: Sendable, Hashable {
  /// The node's label.
  public var name: String
  /// The operator, with its domain where that is not ONNX's own.
  public var operatorType: String
  /// Why it has no integers.
  public var reason: String
}

extension Graph {
  /// The nodes that compute or move floats, in order; quantizers, and the scale behind an integer
  /// sum, are part of the layers around them.
  func floatIslands() throws -> [FloatIsland] {
    let index = GraphIndex(self)
    let values = try inferredValues()
    var computed = index.inputs
    var islands: [FloatIsland] = []
    for node in try sortedNodes() {
      guard node.inputs.contains(where: computed.contains) else { continue }
      computed.formUnion(node.outputs)
      guard isFloat(node, values), !index.isScaleOfSum(node) else { continue }
      islands.append(
        FloatIsland(
          name: node.label,
          operatorType: node.domain.isEmpty
            ? node.operatorType : "\(node.domain).\(node.operatorType)",
          reason: index.reason(for: node)))
    }
    return islands
  }

  private func isFloat(_ node: Node, _ values: [String: ValueInfo]) -> Bool {
    if node.operatorType == "QLinearSoftmax" { return true }
    guard node.domain != OperatorDomain.lowBit,
      !["QuantizeLinear", "DequantizeLinear", "Cast", "QGemm"].contains(node.operatorType)
    else { return false }
    let types = node.outputs.compactMap { values[$0]?.elementType }
    return types.contains { $0.isFloatingPoint }
  }
}

extension GraphIndex {
  private static let movers: Set<String> = [
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Slice", "Gather",
    "Split", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "MaxPool", "Concat", "Pad", "Resize",
    "Upsample",
  ]
  private static let onCodes: Set<String> = [
    "Conv", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "AveragePool", "GlobalAveragePool",
    "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Gelu",
    "Erf",
    "Exp", "BatchNormalization", "PRelu",
  ]

  /// Whether `node` scales an integer sum that is a float by now.
  fileprivate func isScaleOfSum(_ node: Node) -> Bool {
    guard node.operatorType == "Mul", node.domain.isEmpty else { return false }
    return node.inputs.contains { value in
      guard let writer = writer[value], case let cast = nodes[writer], cast.operatorType == "Cast"
      else { return false }
      var number = cast.inputs.first.flatMap { self.writer[$0] }
      // A bias, or the shape of a product of rows, may lie between.
      while let step = number, ["Add", "Reshape"].contains(nodes[step].operatorType) {
        number = nodes[step].inputs.first.flatMap { self.writer[$0] }
      }
      guard let sum = number else { return false }
      return ["SumPacked", "MatMulInteger", "ConvInteger"].contains(nodes[sum].operatorType)
    }
  }

  /// Why `node` is computed in float.
  fileprivate func reason(for node: Node) -> String {
    let isMover = Self.movers.contains(node.operatorType)
    guard isMover || Self.onCodes.contains(node.operatorType) else { return "has no integer form" }
    let readsFloat = node.inputs.contains { value in
      guard !value.isEmpty, !isConstant(value) else { return false }
      guard let writer = writer[value] else { return true }
      return nodes[writer].operatorType != "DequantizeLinear" && !isConstantNode(writer)
    }
    if readsFloat { return isMover ? "moves values that are not quantized" : "reads floats" }
    let readers = (node.outputs.first.flatMap { self.readers[$0] } ?? []).map { nodes[$0] }
    if readers.contains(where: { $0.operatorType == "QuantizeLinear" }) {
      return "its quantizers have no form of 8 bits with one scale"
    }
    return "its result is read in float"
  }

  /// Whether node `number` reads nothing but constants.
  private func isConstantNode(_ number: Int) -> Bool {
    nodes[number].inputs.allSatisfy { value in
      value.isEmpty || isConstant(value) || writer[value].map(isConstantNode) ?? false
    }
  }
}
