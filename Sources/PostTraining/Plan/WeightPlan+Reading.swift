import Calibration
import Graph
import Tensors

/// Why a node cannot be quantized.
struct Unquantizable: Error {
  let reason: String
}

extension WeightPlan {
  /// What there is to quantize in a weighted node.
  ///
  /// - Throws: ``Unquantizable`` with the reason to leave it in float.
  init(
    _ node: Node, layer: LayerSettings, hasZeroPoints: Bool = false, in index: GraphIndex
  ) throws(Unquantizable) {
    guard node.inputs.count > 1, let weights = index.constants[node.inputs[1]] else {
      throw Unquantizable(reason: "its weights are not constant")
    }
    guard weights.elementType == .float32 else {
      throw Unquantizable(reason: "its weights are \(weights.elementType), not float32")
    }
    guard !index.isConstant(node.inputs[0]) else {
      throw Unquantizable(reason: "its data are constant")
    }
    guard weights.count > 0 else { throw Unquantizable(reason: "it has no weights") }
    var axis: Int?
    var channels: Int
    switch node.operatorType {
    case "Conv":
      (axis, channels) = (0, weights.shape[0])
    case "ConvTranspose":
      (axis, channels) = (1, weights.shape[1] * node.integer("group", default: 1))
    case "Gemm":
      guard node.integer("transA", default: 0) == 0 else {
        throw Unquantizable(reason: "its left operand is transposed")
      }
      guard node.number("alpha", default: 1) == 1, node.number("beta", default: 1) == 1 else {
        throw Unquantizable(reason: "it scales its operands by alpha or beta")
      }
      axis = node.integer("transB", default: 0) != 0 ? 0 : 1
      channels = weights.shape[axis!]
    default:
      axis = weights.rank == 2 ? 1 : nil
      channels = weights.rank < 2 ? 1 : weights.shape[weights.rank - 1]
    }
    var bias: String?
    if node.operatorType != "MatMul", node.inputs.count > 2, !node.inputs[2].isEmpty {
      bias = node.inputs[2]
      guard let tensor = index.constants[node.inputs[2]], tensor.elementType == .float32 else {
        throw Unquantizable(reason: "its bias is not a constant of float32")
      }
      guard tensor.count == channels, tensor.shape.last == channels else {
        throw Unquantizable(
          reason: "its bias of shape \(tensor.shape) is not one number an output channel")
      }
    }
    self.init(
      name: node.inputs[1], levels: layer.weightLevels, channelAxis: axis,
      granularity: layer.granularity, hasZeroPoints: hasZeroPoints, bias: bias,
      outputChannels: channels,
      patches: PatchGeometry(of: node, weights: weights.shape),
      meetsAllGroups: node.operatorType == "ConvTranspose")
  }
}

extension WeightPlan {
  /// Makes sure that groups of weights can be formed, if such are asked for.
  func requireGroups() throws(Unquantizable) {
    guard case .group = granularity, channelAxis == nil else { return }
    throw Unquantizable(reason: "its weights are no matrix: there is nothing to cut groups from")
  }
}

extension Node {
  /// An integer attribute.
  func integer(_ name: String, default value: Int) -> Int {
    if case .int(let number)? = attributes[name] { number } else { value }
  }

  /// A floating-point attribute.
  func number(_ name: String, default value: Float) -> Float {
    if case .float(let number)? = attributes[name] { number } else { value }
  }
}
