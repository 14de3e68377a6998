import Graph
import Operations
import Tensors

/// Operators that move elements move codes just as well.
extension CodesWriter {
  private static let movers: Set<String> = [
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Slice", "Gather",
    "Split", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "MaxPool",
  ]

  /// Moves codes in place of the floats that `node` moves.
  mutating func move(_ node: Node) throws -> Bool {
    guard node.domain.isEmpty, let first = node.inputs.first else { return false }
    switch node.operatorType {
    case "Concat": return try join(node)
    case "MaxPool" where node.outputs.count == 1:
      if try holdParts(node) { return true }
      guard opset >= 12 else { return false }
    case "MaxPool": return false
    case "Resize", "Upsample":
      guard node.isNearest else { return false }
    case "Pad": return try pad(node)
    case let type where Self.movers.contains(type): break
    default: return false
    }
    guard let codes = heldCodes(first) else { return false }
    write(node, on: codes, node.inputs.dropFirst().map { float($0) })
    return true
  }

  /// Writes a mover on codes.
  private mutating func write(_ node: Node, on codes: HeldCodes, _ others: [String]) {
    var copy = node
    copy.inputs = [codes.name] + others
    copy.outputs = node.outputs.map { $0.isEmpty ? $0 : unique("\($0)_codes") }
    append(copy)
    for (output, name) in zip(node.outputs, copy.outputs) where !output.isEmpty {
      var moved = codes
      moved.name = name
      hold(output, .codes(moved))
    }
  }

  /// A border of codes; one of a constant, where that is a code.
  private mutating func pad(_ node: Node) throws -> Bool {
    guard let codes = heldCodes(node.inputs[0]) else { return false }
    var others = node.inputs.dropFirst().map { float($0) }
    if node.attributes["mode"] ?? .string("constant") == .string("constant") {
      let name = node.inputs.count > 2 ? node.inputs[2] : ""
      guard opset >= 11, !others.isEmpty, let value = name.isEmpty ? 0 : constants.number(name),
        let code = codes.quantizer.exactCode(of: value)
      else { return false }
      let filling = constant(codes.quantizer.type.codeScalar(code), "\(node.outputs[0])_filling")
      if others.count > 1 { others[1] = filling } else { others.append(filling) }
    }
    write(node, on: codes, others)
    return true
  }

  /// Concat of codes: of one quantizer as they are; of several it is held back.
  private mutating func join(_ node: Node) throws -> Bool {
    let parts = node.inputs.compactMap { heldCodes($0) }
    guard parts.count == node.inputs.count, let first = parts.first,
      parts.allSatisfy({ $0.quantizer.type == first.quantizer.type })
    else { return false }
    guard parts.allSatisfy({ $0.quantizer == first.quantizer }) else {
      hold(node.outputs[0], .parts(node, node.inputs))
      return true
    }
    var copy = node
    copy.inputs = parts.map(\.name)
    copy.outputs = [unique("\(node.outputs[0])_codes")]
    append(copy)
    var joined = first
    joined.name = copy.outputs[0]
    hold(node.outputs[0], .codes(joined))
    return true
  }

  /// Computes an operator of joined values on every part.
  mutating func holdParts(_ node: Node) throws -> Bool {
    guard let first = node.inputs.first, case .parts(let join, let parts)? = held(first),
      node.outputs.count == 1
    else { return false }
    switch node.operatorType {
    case "MaxPool", "AveragePool", "GlobalAveragePool":
      guard join.attributes["axis"] == .int(1) else { return false }
    case "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh": break
    default: return false
    }
    var results: [String] = []
    for value in parts {
      var copy = node
      copy.inputs[0] = value
      copy.outputs = [part(of: value)]
      try write(copy)
      results += copy.outputs
    }
    hold(node.outputs[0], .parts(join, results))
    return true
  }

  /// Quantizes every part, and joins the codes.
  mutating func writeParts(_ join: Node, _ parts: [String], _ quantize: Node) throws {
    var copy = join
    copy.inputs = []
    copy.outputs = quantize.outputs
    for value in parts {
      var own = quantize
      own.inputs[0] = value
      own.outputs = [part(of: value)]
      try write(own)
      copy.inputs.append(float(own.outputs[0]))
    }
    append(copy)
  }

  /// The version of ONNX's own operator set.
  var opset: Int { source.opset(of: "") ?? 0 }
}

extension ConstantQuantizer {
  /// The code that stands for `value` and for nothing else; `nil` where none does.
  fileprivate func exactCode(of value: Float) -> Int? {
    let steps = (value / scale).rounded(.toNearestOrEven)
    guard abs(steps) <= 255, steps * scale == value,
      case let code = Int(steps) + zeroPoint, type.integerRange?.contains(code) ?? false
    else { return nil }
    return code
  }
}

extension Node {
  /// Whether the operator changes extents by resampling.
  var isResampling: Bool { ["Resize", "Upsample"].contains(operatorType) }

  /// Whether a Resize or Upsample takes elements as they are.
  var isNearest: Bool {
    guard attributes["mode"] ?? .string("nearest") == .string("nearest") else { return false }
    return attributes["coordinate_transformation_mode"] != .string("tf_crop_and_resize")
  }
}
