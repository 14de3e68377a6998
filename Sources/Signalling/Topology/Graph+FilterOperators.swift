internal import Execution
import Graph
import Tensors

extension Graph {
  /// Operators that networks in streams may have, with the domain in front where it is not ONNX's own.
  ///
  /// The extents of their results follow from those of their operands and from small attributes. What
  /// makes tensors of any size out of a few numbers is none of them: Expand, Tile, Range, Resize.
  private static let filterOperators: Set<String> = [
    "QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "MatMulInteger",
    "ConvInteger", "com.microsoft.QGemm", "com.microsoft.QLinearAdd", "com.microsoft.QLinearMul",
    "com.microsoft.QLinearConcat", "com.microsoft.QLinearSoftmax", "com.microsoft.QLinearSigmoid",
    "com.microsoft.QLinearLeakyRelu", "com.microsoft.QLinearAveragePool",
    "com.microsoft.QLinearGlobalAveragePool",
    "Conv", "Gemm", "MatMul", "BatchNormalization", "Add", "Sub", "Mul", "Div", "Min", "Max",
    "Neg", "Abs", "Sqrt", "Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "HardSigmoid",
    "HardSwish", "Tanh", "Erf", "Gelu", "Clip", "Softmax", "MaxPool", "AveragePool",
    "GlobalAveragePool", "GlobalMaxPool", "Cast", "Identity", "Reshape", "Flatten", "Squeeze",
    "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "DepthToSpace", "SpaceToDepth", "Pad",
  ]

  /// Attributes that make a result larger, or that extents are multiplied with.
  private static let extentAttributes = [
    "kernel_shape", "strides", "dilations", "pads", "blocksize",
  ]

  /// The largest of these numbers.
  private static let largestExtent = 64

  /// Makes sure that a graph has only operators that a network in a stream may have, each with the
  /// inputs, outputs and attributes that it needs.
  ///
  /// - Throws: `GraphError` naming the node and its operator.
  func requireFilterOperators() throws {
    for node in nodes {
      let type = node.domain.isEmpty ? node.operatorType : "\(node.domain).\(node.operatorType)"
      guard Self.filterOperators.contains(type) else {
        throw node.unfit("networks in streams do not have the operator")
      }
      for name in Self.extentAttributes {
        try node.requireExtents(node.attributes[name]?.integers ?? [], of: "attribute '\(name)'")
      }
      if node.operatorType == "Pad", node.inputs.count > 1 {
        guard let pads = initializers[node.inputs[1]], pads.elementType == .int64 else {
          throw node.unfit("the pads are no constant")
        }
        try node.requireExtents(pads.array(of: Int64.self).map { Int($0) }, of: "input 1")
      }
    }
    try requireSupportedNodes()
  }

  /// The most elements that the values of a network may have at once while it filters, constants aside:
  /// 64 channels of 3840 x 2160 samples before and after a layer.
  static let mostLiveElements = 1 << 30

  /// How many elements constants alone may make beyond those that follow from their own number.
  private static let mostGrowth = 1 << 16

  /// Makes sure, before anything is computed, that chains of nodes make no values of any size: neither of
  /// constants, nor at extents of open dimensions as large as any that graphs are looked at with.
  ///
  /// A network need not fit those extents: pictures whose width is a multiple of 3 or 128, say, or of one size
  /// only. From the node on that does not, values are left to ``requireElements(within:)``.
  ///
  /// - Throws: `GraphError` naming the node whose result is too large or cannot be foreseen.
  func requireFilterSizes() throws {
    var graph = self
    var isOpen = false
    for index in inputs.indices {
      graph.inputs[index].shape = inputs[index].shape.map { shape in
        shape.map {
          if case .fixed = $0 { return $0 }
          isOpen = true
          return .fixed(InferenceExtents.largest)
        }
      }
    }
    try graph.requireElements(within: Self.mostLiveElements, isComplete: !isOpen)
  }

  /// The same for the extents that the inputs state.
  ///
  /// - Parameter isComplete: See `ElementLimit`.
  func requireElements(within values: Int, isComplete: Bool = true) throws {
    _ = try GraphAnalysis(
      of: self,
      limit: ElementLimit(values: values, growth: Self.mostGrowth, isComplete: isComplete))
  }

  fileprivate static func isExtent(_ number: Int) -> Bool { number.magnitude <= largestExtent }
}

extension Node {
  fileprivate func requireExtents(_ numbers: [Int], of place: String) throws(GraphError) {
    guard let number = numbers.first(where: { !Graph.isExtent($0) }) else { return }
    throw unfit("\(place) holds \(number), which is too much for a network in a stream")
  }

  fileprivate func unfit(_ reason: String) -> GraphError {
    .unsupported("node '\(label)' (\(operatorType)): \(reason)")
  }
}

extension Attribute {
  /// The integers that it holds.
  fileprivate var integers: [Int] {
    switch self {
    case .int(let value): [value]
    case .ints(let values): values
    default: []
    }
  }
}
