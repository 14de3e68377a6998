public import Graph
public import Tensors

/// Numbers of a graph that belong to one operand of a node and travel in messages.
public struct SignalledOperand: Sendable, Hashable {
  /// The node's number among those with such operands, in the order in which the graph runs.
  public let layer: Int
  /// How messages call the node.
  public let label: String
  /// What the operand is to the node.
  public let kind: TensorKind
  /// Which operand of its kind.
  public let operand: Int
  /// The initializer with the scales, where there are any.
  public let scale: String?
  /// The initializer with the codes of zero, where there are scales and codes of zero.
  public let zeroPoint: String?
  /// The initializer with the codes, where the operand is constant.
  public let codes: String?
  /// The type of codes where only the node's attribute tells it.
  public let statedType: ElementType?

  /// The operand's name in streams of ISO/IEC 15938-17.
  public var tensorName: String {
    "L\(layer).\(kind.name)" + (operand == 0 ? "" : ".\(operand)")
  }

  /// The initializers in the order in which checksums count them.
  var initializers: [String] { [scale, zeroPoint, codes].compactMap { $0 } }
}

extension Graph {
  /// All numbers of the graph that belong to quantizers: scales, codes of zero, codes of constants.
  ///
  /// - Throws: `GraphError` naming the node that cannot be sorted, reads nothing, or writes codes of a
  ///   type that is none of ours.
  public func signalledOperands() throws(GraphError) -> [SignalledOperand] {
    let index = GraphIndex(self)
    var operands: [SignalledOperand] = []
    var layer = 0
    for node in try sortedNodes() {
      var counts: [TensorKind: Int] = [:]
      let before = operands.count
      for place in node.quantizedOperands {
        if let operand = try index.operand(place, of: node, layer: layer, counts: &counts) {
          operands.append(operand)
        }
      }
      if operands.count > before { layer += 1 }
    }
    return operands
  }
}

/// Where a node has the value, the scale and the code of zero of an operand, and what it is.
private struct OperandPlace {
  var value: Int?
  var scale: Int?
  var zeroPoint: Int?
  /// `nil` for an input that is a kernel where it is constant.
  var kind: TensorKind?

  static func input(_ first: Int) -> OperandPlace {
    OperandPlace(value: first, scale: first + 1, zeroPoint: first + 2)
  }

  static func output(_ first: Int) -> OperandPlace {
    OperandPlace(scale: first, zeroPoint: first + 1, kind: .activationOut)
  }

  static func bias(_ place: Int) -> OperandPlace { OperandPlace(value: place, kind: .bias) }
}

extension Node {
  fileprivate var quantizedOperands: [OperandPlace] {
    guard ["", "com.microsoft"].contains(domain) else { return [] }
    return switch operatorType {
    case "QLinearConv": [.input(0), .input(3), .bias(8), .output(6)]
    case "QGemm": [.input(0), .input(3), .bias(6), .output(7)]
    case "QLinearMatMul", "QLinearAdd", "QLinearMul": [.input(0), .input(3), .output(6)]
    case "QLinearSoftmax", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearAveragePool",
      "QLinearGlobalAveragePool":
      [.input(0), .output(3)]
    case "QLinearConcat":
      stride(from: 2, to: inputs.count - 2, by: 3).map { .input($0) } + [.output(0)]
    case "MatMulInteger", "ConvInteger": [OperandPlace(value: 0), OperandPlace(value: 1)]
    case "DequantizeLinear": [.input(0)]
    case "QuantizeLinear": [.output(1)]
    default: []
    }
  }

  /// The type of the codes that the node writes, by its attribute; `nil` where a code of zero tells it.
  ///
  /// - Throws: `GraphError` for types that are none of codes.
  fileprivate func statedCodeType() throws(GraphError) -> ElementType? {
    guard operatorType == "QuantizeLinear", value(2) == nil,
      case .int(let number)? = attributes["output_dtype"], number != 0
    else { return nil }
    // TensorProto.DataType of ONNX.
    let types: [Int: ElementType] = [
      2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 21: .uint4, 22: .int4, 25: .uint2, 26: .int2,
    ]
    guard let type = types[number] else {
      throw .unsupported(
        "node '\(label)' (QuantizeLinear): attribute 'output_dtype' is \(number), which is no type of "
          + "codes that messages hold")
    }
    return type
  }

  fileprivate func value(_ place: Int?) -> String? {
    guard let place, inputs.indices.contains(place), !inputs[place].isEmpty else { return nil }
    return inputs[place]
  }
}

extension GraphIndex {
  /// The operand at a place; `nil` when nothing of it is constant.
  ///
  /// - Throws: `GraphError` naming a cast that reads nothing.
  fileprivate func operand(
    _ place: OperandPlace, of node: Node, layer: Int, counts: inout [TensorKind: Int]
  ) throws(GraphError) -> SignalledOperand? {
    let codes = try constantCodes(node.value(place.value))
    var scale = node.value(place.scale)
    if let name = scale, constants[name]?.elementType != .float32 { scale = nil }
    let zeroPoint = scale == nil ? nil : try constantCodes(node.value(place.zeroPoint))
    guard codes != nil || scale != nil else { return nil }
    let isWide = codes.flatMap { constants[$0] }?.elementType == .int32
    let kind = place.kind ?? (isWide ? .bias : codes != nil ? .kernel : .activationIn)
    defer { counts[kind, default: 0] += 1 }
    return SignalledOperand(
      layer: layer, label: node.label, kind: kind, operand: counts[kind] ?? 0, scale: scale,
      zeroPoint: zeroPoint, codes: codes, statedType: try node.statedCodeType())
  }

  /// The initializer of integers that `value` is, or is cast from.
  private func constantCodes(_ value: String?) throws(GraphError) -> String? {
    guard let value else { return nil }
    var name = value
    if let number = writer[value], nodes[number].operatorType == "Cast" {
      guard let source = nodes[number].inputs.first else {
        throw .invalid("node '\(nodes[number].label)' (Cast) has no input")
      }
      name = source
    }
    return constants[name].map(\.elementType).flatMap { SignalledCodes.isStorable($0) ? name : nil }
  }
}
