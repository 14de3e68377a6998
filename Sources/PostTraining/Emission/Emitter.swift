import Graph
import Quantization
import Tensors

/// Writes a planned graph: what all targets have in common.
///
/// Every value of the plan has up to two names in the new graph: its own, which holds floats, and
/// one for its codes. A value that is written in float gets its codes behind it, and one that is
/// written as codes its floats, each as soon as somebody wants them.
struct Emitter {
  let model: QuantizedModel
  let index: GraphIndex
  var builder: GraphBuilder
  /// Codes of quantized values.
  private(set) var codes: [String: String] = [:]
  /// Floats that are read in place of a quantized value.
  private var floats: [String: String] = [:]
  private var parameters: [String: Parameters] = [:]
  /// Float results that are renamed because their quantized form is an output of the graph.
  private var renamed: [String: String] = [:]

  init(_ model: QuantizedModel) {
    self.model = model
    index = GraphIndex(model.plan.graph)
    builder = GraphBuilder(avoiding: model.plan.graph)
  }

  var plan: QuantizationPlan { model.plan }
  var target: Target { model.settings.target }

  /// Whether Relu and Clip are left to the quantizers behind them.
  var fusesClipping: Bool { target != .qdq }

  /// The quantizer of a value of the plan.
  func quantizer(of value: String) -> Quantizer {
    guard let quantizer = plan.values[value]?.quantizer else {
      preconditionFailure("'\(value)' has no quantizer yet")
    }
    return quantizer
  }

  /// The type of a value's codes.
  func storage(of value: String) -> ElementType {
    CodeStorage.type(levels: quantizer(of: value).levels, target: target)
  }

  // MARK: Values

  /// The constants of a value's quantizer; values of a group share them.
  mutating func parameters(of value: String) -> Parameters {
    let group = plan.values[value]?.group ?? value
    if let known = parameters[group] { return known }
    let quantizer = quantizer(of: value)
    let made = Parameters(
      scale: builder.constant(Tensor(scalar: quantizer.scale), "\(group)_scale"),
      zeroPoint: builder.constant(
        CodeStorage.scalar(quantizer.zeroPoint, as: storage(of: value)), "\(group)_zero_point"))
    parameters[group] = made
    return made
  }

  /// What a reader of `value` reads in float.
  mutating func float(_ value: String) -> String {
    guard plan.values[value] != nil, let source = codes[value] else { return value }
    if let known = floats[value] { return known }
    let output = builder.fresh("\(value)_dequantized")
    dequantize(source, value, writing: output)
    floats[value] = output
    return output
  }

  private mutating func dequantize(_ source: String, _ value: String, writing output: String) {
    let parameters = parameters(of: value)
    builder.node(
      "DequantizeLinear", [source, parameters.scale, parameters.zeroPoint], writing: output)
  }

  /// The name under which a node writes `value` in float: its own, unless the graph's output of that
  /// name is to be the quantized value.
  mutating func floatResult(_ value: String) -> String {
    guard plan.values[value] != nil, index.outputs.contains(value) else { return value }
    if let known = renamed[value] { return known }
    let name = builder.fresh("\(value)_unquantized")
    renamed[value] = name
    return name
  }

  /// Quantizes `value`, which has just been written in float.
  mutating func quantize(_ value: String) {
    let parameters = parameters(of: value)
    let raw = builder.node(
      "QuantizeLinear", [floatResult(value), parameters.scale, parameters.zeroPoint],
      output: "\(value)_quantized")
    define(value, codes: clipped(raw, value))
  }

  /// Says that `value` has been written as codes.
  mutating func define(_ value: String, codes name: String) {
    codes[value] = name
    guard index.outputs.contains(value) else { return }
    dequantize(name, value, writing: value)
    floats[value] = value
  }

  /// Codes cut off at the number of levels and at the bounds of fused nodes, where the type alone
  /// does not do it.
  mutating func clipped(_ source: String, _ value: String) -> String {
    guard let value = plan.values[value], let quantizer = value.quantizer else { return source }
    let type = CodeStorage.type(levels: quantizer.levels, target: target)
    let range = value.codeRange(of: quantizer, includingFused: fusesClipping)
    guard let whole = type.integerRange, range != whole else { return source }
    if type == .uint4 || type == .uint16 { return clippedWide(source, range, type) }
    let bounds = [range.lowerBound, range.upperBound].map {
      builder.constant(CodeStorage.scalar($0, as: type), "\(source)_bound_\($0)")
    }
    return builder.node("Clip", [source] + bounds, output: "\(source)_clipped")
  }

  /// Clipping of types that runtimes do not clip: by way of `int32`.
  private mutating func clippedWide(
    _ source: String, _ range: ClosedRange<Int>, _ type: ElementType
  ) -> String {
    let bounds = [range.lowerBound, range.upperBound].map {
      builder.constant(Tensor(scalar: Int32($0)), "\(source)_bound_\($0)")
    }
    let wide = builder.node(
      "Cast", [source], output: "\(source)_int32",
      attributes: ["to": .int(CodeStorage.typeNumber(.int32))])
    let cut = builder.node("Clip", [wide] + bounds, output: "\(source)_cut")
    return builder.node(
      "Cast", [cut], output: "\(source)_clipped",
      attributes: ["to": .int(CodeStorage.typeNumber(type))])
  }

  // MARK: Nodes

  /// Where the result of a node goes: past the nodes that its quantizer replaces.
  func surface(of value: String) -> String {
    var value = value
    while let reader = index.onlyReader(of: value), isFused(reader) {
      value = index.nodes[reader].outputs[0]
    }
    return value
  }

  /// Whether node `number` disappears.
  func isFused(_ number: Int) -> Bool {
    guard fusesClipping, case .fusedIntoQuantizer = plan.decisions[number] else { return false }
    return true
  }

  /// Writes a node that works in float, with its operands dequantized and its results quantized
  /// where the plan says so.
  mutating func emitFloat(_ node: Node, operands: [String]? = nil) {
    var node = node
    node.inputs = operands ?? node.inputs.map { $0.isEmpty ? $0 : float($0) }
    let results = node.outputs.map(surface(of:))
    node.outputs = results.map { $0.isEmpty ? $0 : floatResult($0) }
    builder.append(node)
    for result in results where plan.values[result] != nil { quantize(result) }
  }

  /// The finished graph.
  func finish() -> Graph {
    var graph = plan.graph
    let used = Set(builder.nodes.flatMap(\.inputs)).union(graph.outputs.map(\.name))
    graph.initializers = graph.initializers.filter { used.contains($0.key) }
    graph.initializers.merge(builder.initializers) { _, new in new }
    graph.nodes = builder.nodes
    // For patterns over nodes; files have room for it in new IR versions only.
    for number in graph.nodes.indices { graph.nodes[number].metadata[Node.partKey] = nil }
    let written = Set(builder.nodes.flatMap(\.outputs))
    graph.valueInfo = graph.valueInfo.filter { written.contains($0.key) }
    return graph
  }
}
