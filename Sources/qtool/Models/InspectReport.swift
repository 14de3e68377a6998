import LowBit

/// What `qtool inspect` knows about a model.
struct InspectReport: Encodable {
  struct Value: Encodable {
    var name: String
    var elementType: String
    /// Extents; a name or `?` where the model leaves one open; `nil` when nothing is known.
    var shape: [String]?
  }

  struct NodeRow: Encodable {
    var name: String
    var operatorType: String
    var inputs: [String]
    var outputs: [String]
    /// Shapes of the outputs; `nil` for one that depends on data.
    var shapes: [[Int]?]
    var parameters: Int
    var macs: Int?
    var problem: String?
  }

  struct OperatorRow: Encodable {
    var operatorType: String
    var count: Int
    var parameters: Int
    var macs: Int
  }

  var model: String
  var producer: String
  var opsets: [String: Int]
  var inputs: [Value]
  var outputs: [Value]
  var parameters: Int
  var bytesOfParameters: Int
  var macs: Int
  var operators: [OperatorRow]
  var nodes: [NodeRow]
  /// Messages that name node, operator and operator set.
  var unsupported: [String]
  /// What `qtool quantize` with its default settings would do with each node.
  var quantization: QuantizationPlan.Outline?
  /// Why it would do nothing.
  var quantizationRefused: String?
  /// What the integer engine makes of a quantized model.
  var integers: IntegerOutline?

  init(of graph: Graph, model: String, extents: [String: Int]) throws {
    let analysis = try GraphAnalysis(of: graph, extents: extents)
    self.model = model
    producer = [graph.producer.name, graph.producer.version].filter { !$0.isEmpty }
      .joined(separator: " ")
    opsets = graph.opsets.reduce(into: [:]) { $0[$1.key.isEmpty ? "ai.onnx" : $1.key] = $1.value }
    inputs = graph.inputs.map { Value($0, shape: nil) }
    outputs = graph.outputs.map { Value($0, shape: analysis.shapes[$0.name]?.shape) }
    parameters = analysis.parameters
    bytesOfParameters = graph.initializers.values.reduce(0) {
      $0 + ($1.count * $1.elementType.bitCount + 7) / 8
    }
    nodes = analysis.nodes.map { entry in
      NodeRow(
        name: entry.node.label, operatorType: entry.node.qualifiedType,
        inputs: entry.node.inputs, outputs: entry.node.outputs,
        shapes: entry.node.outputs.map { analysis.shapes[$0]?.shape },
        parameters: entry.parameters, macs: entry.multiplications, problem: entry.problem)
    }
    macs = nodes.reduce(0) { $0 + ($1.macs ?? 0) }
    let groups = Dictionary(grouping: nodes, by: \.operatorType)
    operators = groups.sorted { $0.key < $1.key }.map { type, rows in
      OperatorRow(
        operatorType: type, count: rows.count, parameters: rows.reduce(0) { $0 + $1.parameters },
        macs: rows.reduce(0) { $0 + ($1.macs ?? 0) })
    }
    unsupported = try Executor<ReferenceBackend>.unsupportedNodes(of: graph).map(\.message)
    if unsupported.isEmpty {
      do {
        integers = try IntegerOutline(of: graph, extents: extents)
      } catch let error as GraphError {
        throw error.located(in: model)
      }
    }
    do {
      quantization = try QuantizationPlan(
        graph.preparedForQuantization(), settings: QuantizationSettings()
      ).outline
    } catch {
      quantizationRefused = "\(error)"
    }
  }
}

extension InspectReport.Value {
  init(_ info: ValueInfo, shape found: [Int]?) {
    let stated = info.shape?.map { dimension in
      switch dimension {
      case .fixed(let extent): "\(extent)"
      case .symbolic(let name): name
      case .unknown: "?"
      }
    }
    self.init(
      name: info.name, elementType: "\(info.elementType)", shape: stated ?? found?.map(String.init))
  }
}

extension Node {
  /// The operator, with its domain where that is not ONNX's own.
  fileprivate var qualifiedType: String {
    domain.isEmpty ? operatorType : "\(domain).\(operatorType)"
  }
}

extension InspectReport {
  /// The report for people.
  func text(listsNodes: Bool) -> String {
    var parts = [heading, operatorTable]
    if listsNodes { parts.append(nodeTable) }
    let problems = nodes.filter { $0.problem != nil && !unsupported.contains($0.problem ?? "") }
    if !problems.isEmpty {
      parts.append(
        "shapes that cannot be followed:\n"
          + problems.map { "  \($0.name) (\($0.operatorType)): \($0.problem ?? "")" }
          .joined(separator: "\n"))
    }
    if let integers { parts.append(integers.table) }
    parts.append(quantizationText(listsNodes: listsNodes))
    parts.append(
      unsupported.isEmpty
        ? "every operator is supported"
        : "not supported:\n" + unsupported.map { "  \($0)" }.joined(separator: "\n"))
    return parts.joined(separator: "\n\n")
  }

  private var heading: String {
    func line(_ title: String, _ value: Value) -> String {
      "\(title)  \(value.name)  \(value.elementType)  "
        + (value.shape.map { "[\($0.joined(separator: ", "))]" } ?? "?")
    }
    var lines = ["\(model)\(producer.isEmpty ? "" : ", by \(producer)")"]
    lines.append(
      "operator sets: "
        + opsets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    lines += inputs.map { line("input ", $0) } + outputs.map { line("output", $0) }
    lines.append(
      "\(parameters) parameters (\(formatted(bytes: bytesOfParameters))), \(macs) multiplications, "
        + "open dimensions taken as 1 or as given")
    return lines.joined(separator: "\n")
  }

  /// What would be quantized, and what not and why.
  private func quantizationText(listsNodes: Bool) -> String {
    guard let quantization else {
      return "would not be quantized: \(quantizationRefused ?? "")"
    }
    if listsNodes { return "quantized with default settings:\n" + quantization.text }
    let kept = quantization.nodes.filter { $0.decision.hasPrefix("float") }
    var lines = [
      "quantized with default settings: \(quantization.nodes.count - kept.count) of "
        + "\(quantization.nodes.count) nodes after folding"
    ]
    lines += kept.map { "  stays in float: \($0.operatorType) \($0.name) (\($0.decision))" }
    lines += quantization.warnings.map { "  warning: \($0)" }
    return lines.joined(separator: "\n")
  }

  private var operatorTable: String {
    var table = TextTable(["operator", "nodes", "parameters", "macs"], rightAligned: [1, 2, 3])
    for row in operators {
      table.add([row.operatorType, "\(row.count)", "\(row.parameters)", "\(row.macs)"])
    }
    return table.text
  }

  private var nodeTable: String {
    var table = TextTable(
      ["node", "operator", "output", "parameters", "macs"], rightAligned: [3, 4])
    for row in nodes {
      let shape = row.shapes.first.flatMap { $0 }.map { "\($0)" } ?? "?"
      table.add(
        [row.name, row.operatorType, shape, "\(row.parameters)", row.macs.map(String.init) ?? "?"])
    }
    return table.text
  }
}
