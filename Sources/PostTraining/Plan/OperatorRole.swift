import Graph

/// What quantization makes of an operator.
enum OperatorRole {
  /// Has constant weights and an integer kernel: Conv, Gemm, MatMul.
  case weighted
  /// A matrix product of two activations.
  case product
  /// Moves values without changing any: codes pass through with the same quantizer.
  case passThrough
  /// Puts tensors side by side; wants one quantizer for all.
  case concatenation
  /// Computes new values from quantized ones with an integer kernel of ONNX Runtime: taken when the
  /// operands are quantized anyway and somebody wants the result quantized.
  case opportunistic
  /// Cuts values off: a quantizer that follows can do it.
  case clipping
  /// Has no integer form.
  case float(reason: String)

  /// The role of `node` as an operator of ONNX's own domain.
  init(of node: Node) {
    guard node.domain.isEmpty || node.domain == "ai.onnx" else {
      self = .float(reason: "operators of domain '\(node.domain)' have no integer form here")
      return
    }
    switch node.operatorType {
    case "Conv", "ConvTranspose", "Gemm": self = .weighted
    case "MatMul": self = .product
    case "MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Gather",
      "Expand", "Split", "Pad", "Identity", "Tile", "DepthToSpace", "SpaceToDepth":
      self = .passThrough
    case "Resize", "Upsample":
      if case .string(let mode)? = node.attributes["mode"], mode != "nearest" {
        self = .float(reason: "interpolates between values; only nearest-neighbour moves codes")
      } else {
        self = .passThrough
      }
    case "Concat": self = .concatenation
    case "Add", "Mul", "AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid", "Softmax":
      self = .opportunistic
    case "Relu", "Clip": self = .clipping
    case "QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
      "MatMulInteger", "DynamicQuantizeLinear":
      self = .float(reason: "is part of a model that is quantized already")
    default: self = .float(reason: "\(node.operatorType) has no integer kernel")
    }
  }

  /// The operator of ONNX Runtime that computes a quantized node on codes.
  static func integerKernel(of operatorType: String) -> String {
    switch operatorType {
    case "Conv": "QLinearConv"
    case "Gemm": "QGemm"
    case "MatMul": "QLinearMatMul"
    default: "QLinear\(operatorType)"
    }
  }
}

extension Node {
  /// Whether the operator only moves values, so that codes pass through with their quantizer.
  package var movesValues: Bool {
    if case .passThrough = OperatorRole(of: self) { true } else { false }
  }
}
