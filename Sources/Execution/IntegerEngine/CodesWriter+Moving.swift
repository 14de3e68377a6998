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
    case "MaxPool" where node.outputs.count > 1 || opset < 12: return false
    case "Resize", "Upsample":
      guard node.isNearest else { return false }
    case "Pad":
      guard node.attributes["mode"] ?? .string("constant") != .string("constant") else {
        return false
      }
    case let type where Self.movers.contains(type): break
    default: return false
    }
    guard let codes = heldCodes(first) else { return false }
    var copy = node
    copy.inputs = [codes.name] + node.inputs.dropFirst().map { float($0) }
    copy.outputs = node.outputs.map { $0.isEmpty ? $0 : unique("\($0)_codes") }
    append(copy)
    for (output, name) in zip(node.outputs, copy.outputs) where !output.isEmpty {
      var moved = codes
      moved.name = name
      hold(output, .codes(moved))
    }
    return true
  }

  /// Concat of codes: of one quantizer as they are, of several each by a table of its own to the
  /// quantizer that reads the result.
  private mutating func join(_ node: Node) throws -> Bool {
    let parts = node.inputs.compactMap { heldCodes($0) }
    guard parts.count == node.inputs.count, let first = parts.first,
      parts.allSatisfy({ $0.quantizer.type == first.quantizer.type })
    else { return false }
    guard parts.allSatisfy({ $0.quantizer == first.quantizer }) else {
      return try joinByTables(node, parts)
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

  private mutating func joinByTables(_ node: Node, _ parts: [HeldCodes]) throws -> Bool {
    guard let reader = index.onlyReader(of: node.outputs[0]), case let next = index.nodes[reader],
      next.operatorType == "QuantizeLinear", next.isInOwnDomain, next.inputs.count > 2,
      next.isPlainQuantizer,
      let quantizer = constants.quantizer(next.inputs[1], next.inputs[2])
    else { return false }
    var copy = node
    copy.inputs = []
    for part in parts {
      if part.quantizer == quantizer {
        copy.inputs.append(part.name)
        continue
      }
      var quantize = next
      quantize.outputs = [unique("\(part.name)_requantized")]
      guard try writeTable(HeldFunction(nodes: [], source: part), quantize) else { return false }
      copy.inputs.append(quantize.outputs[0])
    }
    copy.outputs = [unique("\(node.outputs[0])_codes")]
    append(copy)
    hold(
      node.outputs[0],
      .codes(
        HeldCodes(
          name: copy.outputs[0], scale: next.inputs[1], zeroPoint: [next.inputs[2]],
          quantizer: quantizer)))
    return true
  }

  /// The version of ONNX's own operator set.
  var opset: Int { source.opset(of: "") ?? 0 }
}

extension Node {
  /// Whether a Resize or Upsample takes elements as they are.
  fileprivate var isNearest: Bool {
    guard attributes["mode"] ?? .string("nearest") == .string("nearest") else { return false }
    return attributes["coordinate_transformation_mode"] != .string("tf_crop_and_resize")
  }
}
