import Graph
import Operations
import Quantization
import Tensors

/// Writes a graph whose convolutions work on packed codes.
///
/// A value of codes has up to two forms in the new graph: plain under its own name, and packed. A
/// value that is written packed becomes plain behind its writer as soon as somebody wants it so, and
/// the other way round.
struct PackedWriter: GraphWriter {
  var draft: GraphDraft
  let mode: Requantization
  /// Whether sums that 32 bits do not hold are let through.
  let allowsOverflow: Bool

  /// The products so far.
  var layers: [IntegerLayer] = []
  /// Codes, as stored, that a value can have, where these are fewer than all.
  var ranges: [String: ClosedRange<Int>] = [:]
  /// Whether a product that could not be packed has codes that its operator does not take.
  private(set) var hasNarrowProducts = false
  /// The first node that rounds codes and has no form in ``mode``.
  private(set) var refusal: GraphError?
  private var forms: [String: [PackedForm]] = [:]
  /// Convolutions that wait for the sum that they may become part of, by the value they write.
  private var waiting: [String: PendingConvolution] = [:]
  /// Values whose plain form is not there yet.
  private var isPackedOnly: Set<String> = []

  init(_ graph: Graph, _ mode: Requantization, allowsOverflow: Bool) throws {
    draft = try GraphDraft(graph)
    self.mode = mode
    self.allowsOverflow = allowsOverflow
  }

  // MARK: Values

  /// Adds a node as it is, with its operands in plain form.
  mutating func appendPlain(_ node: Node) {
    for value in node.valuesRead { makePlain(value) }
    notePlain(node)
    noteRange(node)
    if mode != .float, Self.roundsCodes(node), refusal == nil {
      refusal = requantizer(node).refusal("there is no form of this operator but ONNX Runtime's")
    }
    hasNarrowProducts = hasNarrowProducts || isNarrowProduct(node)
    append(node)
  }

  /// Sees to it that `value` is there under its own name.
  mutating func makePlain(_ value: String) {
    settle(value)
    guard isPackedOnly.remove(value) != nil, let form = forms[value]?.first else { return }
    let result = form.rowsOf == nil ? value : unique("\(value)_rows")
    append(
      Node(
        "UnpackCodes", domain: OperatorDomain.lowBit, inputs: [form.name], outputs: [result],
        attributes: form.facts.attributes().merging([
          "type": .string("\(form.type)"), "rank": .int(form.rank),
        ]) { $1 }))
    if let shape = form.rowsOf {
      let target = constant(.int64(shape), "\(value)_shape")
      append(Node("Reshape", inputs: [result, target], outputs: [value]))
    }
  }

  /// `value`, whose codes are of `type`, packed with its channels second.
  mutating func packed(
    _ value: String, _ quantizer: ConstantQuantizer, channels: Int, rank: Int
  ) -> PackedForm {
    settle(value)
    let facts = CodeFacts(
      channels: channels, zeroPoint: quantizer.storedZeroPoint,
      maximum: ranges[value]?.upperBound)
    if var form = forms[value]?.first(where: { $0.rowsOf == nil && $0.rank == rank }) {
      form.facts.zeroPoint = facts.zeroPoint
      form.facts.maximum = facts.maximum
      return form
    }
    makePlain(value)
    return pack(
      value, as: PackedForm(name: "", facts: facts, type: quantizer.type, rank: rank), of: value)
  }

  /// `value` `[..., channels]` packed as rows; `shape` is its shape for a Reshape.
  mutating func packedRows(
    _ value: String, _ quantizer: ConstantQuantizer, channels: Int, shape: [Int]
  ) -> PackedForm {
    if shape.count == 2 { return packed(value, quantizer, channels: channels, rank: 2) }
    settle(value)
    let facts = CodeFacts(
      channels: channels, zeroPoint: quantizer.storedZeroPoint,
      maximum: ranges[value]?.upperBound)
    if var form = forms[value]?.first(where: { $0.rowsOf != nil }) {
      form.facts.zeroPoint = facts.zeroPoint
      form.facts.maximum = facts.maximum
      return form
    }
    makePlain(value)
    let rows = unique("\(value)_rows")
    let target = constant(.int64([-1, channels]), "\(rows)_shape")
    append(Node("Reshape", inputs: [value, target], outputs: [rows]))
    return pack(
      rows,
      as: PackedForm(name: "", facts: facts, type: quantizer.type, rank: 2, rowsOf: shape),
      of: value)
  }

  private mutating func pack(
    _ plain: String, as form: PackedForm, of value: String
  ) -> PackedForm {
    var form = form
    form.name = unique("\(value)_packed")
    append(
      Node(
        "PackCodes", domain: OperatorDomain.lowBit, inputs: [plain], outputs: [form.name],
        attributes: form.facts.attributes()))
    forms[value, default: []].append(form)
    return form
  }

  /// The packed form that `value` has already; `nil` where it is plain only.
  mutating func existingForm(of value: String) -> PackedForm? {
    settle(value)
    return forms[value]?.first
  }

  /// Whether `value` is written or waits to be.
  func isDefined(_ value: String) -> Bool { forms[value] != nil || waiting[value] != nil }

  /// Says that `value` is written packed, and gives the name to write.
  mutating func define(_ value: String, as form: PackedForm) -> String {
    var form = form
    form.name = unique("\(value)_packed")
    forms[value] = [form]
    isPackedOnly.insert(value)
    return form.name
  }

  /// Whether an operator on plain codes rounds, as ONNX Runtime does.
  private static func roundsCodes(_ node: Node) -> Bool {
    // QGemm without a result's scale ends in floats.
    if node.operatorType == "QGemm" { return node.inputs.count > 7 && !node.inputs[7].isEmpty }
    return node.operatorType.hasPrefix("QLinear")
  }

  private func isNarrowProduct(_ node: Node) -> Bool {
    guard ["QLinearConv", "QLinearMatMul", "QGemm", "MatMulInteger"].contains(node.operatorType)
    else { return false }
    let types = (node.inputs + node.outputs).compactMap {
      constants[$0]?.elementType ?? values[$0]?.elementType
    }
    return types.contains { $0.bitCount < 8 }
  }

  // MARK: Convolutions

  /// Adds a convolution, later if a sum may take it in.
  mutating func append(_ convolution: PendingConvolution, mayWait: Bool) {
    if mayWait {
      waiting[convolution.result] = convolution
    } else {
      finish(convolution)
    }
  }

  /// Takes the waiting convolution that writes `value` out.
  mutating func takeWaiting(_ value: String) -> PendingConvolution? {
    waiting.removeValue(forKey: value)
  }

  /// Whether a convolution that writes `value` waits.
  func isWaiting(_ value: String) -> Bool { waiting[value] != nil }

  private mutating func settle(_ value: String) {
    if let convolution = waiting.removeValue(forKey: value) { finish(convolution) }
  }

  mutating func finish(_ convolution: PendingConvolution) {
    var form = convolution.form
    form.facts = convolution.epilogue.outcome.facts
    var node = convolution.node
    node.outputs = [define(convolution.result, as: form)]
    ranges[convolution.result] = convolution.epilogue.outcome.codes
    node.attributes.merge(convolution.epilogue.attributes) { $1 }
    append(node)
  }

  // MARK: The graph

  /// The finished graph.
  mutating func finished() -> Graph {
    for output in source.outputs { makePlain(output.name) }
    return draft.finished()
  }
}

/// A convolution of packed codes that is not written yet.
struct PendingConvolution {
  /// The node without outputs and without its epilogue's attributes.
  var node: Node
  /// The plain value that it stands for.
  var result: String
  /// How the result lies, but for its name and facts.
  var form: PackedForm
  var epilogue: EpilogueFacts
  /// The unit of the result.
  var scale: Float
}
