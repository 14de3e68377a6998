import Graph
import Operations
import Quantization
import Tensors

/// Writes a graph in which what can be computed on codes is.
///
/// A DequantizeLinear is not written where it stands but where somebody wants the floats, and then
/// behind whatever only moves elements. Functions of one tensor of codes are held back until a
/// QuantizeLinear makes a table of them, or until somebody wants their floats.
struct CodesWriter: GraphWriter {
  /// What a float of the graph is made of.
  enum Held {
    /// Codes of one scale and zero point.
    case codes(HeldCodes)
    /// Nodes that are not written yet.
    case function(HeldFunction)
    /// Values of different scales that a Concat, which is not written yet, joins.
    case parts(Node, [String])
  }

  var draft: GraphDraft
  let mode: Requantization
  private var held: [String: Held] = [:]
  /// Held values whose floats are written.
  private var written: Set<String> = []
  /// The values whose number of dimensions values of the new graph have.
  private var likes: [String: String] = [:]
  /// Values that are others under a new name.
  private var aliases: [String: String] = [:]

  init(_ graph: Graph, _ mode: Requantization) throws {
    draft = try GraphDraft(graph)
    self.mode = mode
  }

  /// The graph on codes.
  mutating func rewritten() throws -> Graph {
    for node in index.nodes { try write(node) }
    for output in source.outputs { _ = float(output.name) }
    return draft.finished()
  }

  /// Writes `node` or holds it back.
  mutating func write(_ node: Node) throws {
    if node.isInOwnDomain {
      if node.operatorType == "DequantizeLinear", hold(dequantized: node) { return }
      if node.operatorType == "QuantizeLinear", try quantize(node) { return }
    }
    if try hold(node) || move(node) || tabulate(node) { return }
    var copy = node
    copy.inputs = node.inputs.map {
      node.operatorType == "Shape" ? codesOrFloat($0) : float($0)
    }
    for value in node.valuesRead.dropFirst(node.inputs.count) { _ = float(value) }
    append(copy)
  }

  // MARK: Values

  /// What `value`'s floats are made of, if it is known.
  func held(_ value: String) -> Held? { held[value] }

  /// The codes of `value` if it is nothing but dequantized codes.
  func heldCodes(_ value: String) -> HeldCodes? {
    if case .codes(let codes)? = held[value] { codes } else { nil }
  }

  mutating func hold(_ value: String, _ content: Held) { held[value] = content }

  /// The number of dimensions of a value of the original graph, where it is known.
  func rank(of value: String) -> Int? { values[likes[value] ?? value]?.shape?.count }

  /// A new name for a value that has as many dimensions as `value`.
  mutating func part(of value: String) -> String {
    let name = unique("\(value)_part")
    likes[name] = likes[value] ?? value
    return name
  }

  /// The name of a value that is read as it is, its floats written if need be.
  mutating func float(_ value: String) -> String {
    if let other = aliases[value] { return other }
    guard let content = held[value], written.insert(value).inserted else { return value }
    switch content {
    case .codes(let codes):
      append(
        Node(
          "DequantizeLinear", inputs: [codes.name, codes.scale] + codes.zeroPoint,
          outputs: [value]))
    case .function(let function):
      guard var last = function.nodes.last else { return value }
      last.inputs = last.inputs.map { float($0) }
      append(last)
    case .parts(let join, let parts):
      var copy = join
      copy.inputs = parts.map { float($0) }
      copy.outputs = [value]
      append(copy)
    }
    return value
  }

  /// The codes of `value` where there are some, which have its shape; else its floats.
  private mutating func codesOrFloat(_ value: String) -> String {
    heldCodes(value)?.name ?? float(value)
  }

  /// Says that `value` is `other` under a new name.
  mutating func alias(_ value: String, to other: String) {
    guard !index.outputs.contains(value) else {
      return append(Node("Identity", inputs: [other], outputs: [value]))
    }
    aliases[value] = other
  }

  // MARK: Quantizers

  private mutating func hold(dequantized node: Node) -> Bool {
    guard node.inputs.count >= 2, node.isPlainQuantizer, constants.codes(node.inputs[0]) == nil,
      let quantizer = constants.quantizer(
        node.inputs[1], node.inputs.count > 2 ? node.inputs[2] : nil), quantizer.isByte
    else { return false }
    let zeroPoint = node.inputs.dropFirst(2).filter { !$0.isEmpty }
    held[node.outputs[0]] = .codes(
      HeldCodes(
        name: float(node.inputs[0]), scale: node.inputs[1], zeroPoint: zeroPoint,
        quantizer: quantizer))
    return true
  }

  /// A QuantizeLinear of something that is held back.
  private mutating func quantize(_ node: Node) throws -> Bool {
    guard node.inputs.count >= 2, let content = held[node.inputs[0]], node.isPlainQuantizer,
      let quantizer = constants.quantizer(
        node.inputs[1], node.inputs.count > 2 ? node.inputs[2] : nil), quantizer.isByte
    else { return false }
    switch content {
    case .codes(let codes):
      if codes.quantizer == quantizer {
        alias(node.outputs[0], to: codes.name)
        return true
      }
      return try writeTable(HeldFunction(nodes: [], source: codes), node)
    case .function(let function):
      if function.pair != nil { return writePair(function, node, quantizer) }
      if function.pool != nil { return writePool(function, node, quantizer) }
      return try writeTable(function, node)
    case .parts(let join, let parts):
      try writeParts(join, parts, node)
      return true
    }
  }
}

/// Codes that a value's floats are dequantized from.
struct HeldCodes {
  var name: String
  var scale: String
  /// One name, or none where the zero point is left out.
  var zeroPoint: [String]
  var quantizer: ConstantQuantizer

  /// The three operands of `com.microsoft`'s operators.
  var operands: [String] { [name, scale] + (zeroPoint.isEmpty ? [""] : zeroPoint) }
}

/// Nodes between codes and a float that are held back.
struct HeldFunction {
  /// From the source on, in order; the last one writes the value.
  var nodes: [Node]
  /// The only codes that are read.
  var source: HeldCodes
  /// The sum or product of two tensors of codes that stands at the beginning.
  var pair: (operatorType: String, other: HeldCodes)?
  /// Bounds by which the pair is cut off.
  var bounds: ClosedRange<Float> = -Float.infinity...Float.infinity
  /// The average pool that is all there is.
  var pool: Node?
}

extension Node {
  /// Whether a QuantizeLinear or DequantizeLinear has no blocks and its usual result.
  var isPlainQuantizer: Bool {
    ["block_size", "output_dtype"].allSatisfy { attributes[$0] ?? .int(0) == .int(0) }
  }

  /// Whether the domain is ONNX's own or ONNX Runtime's.
  var isInOwnDomain: Bool { ["", "ai.onnx", "com.microsoft"].contains(domain) }
}
