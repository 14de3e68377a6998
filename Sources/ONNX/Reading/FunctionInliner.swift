internal import Graph
internal import ONNXProto

/// Writes a model's own functions out where nodes call them.
///
/// A value inside a function is named after the call, `call/value`; nodes likewise. An attribute
/// that refers to one of the call takes its value, or the function's default, or disappears.
struct FunctionInliner {
  /// Nodes that a model may grow to: a few nested functions can ask for more than memory holds.
  static let largestNodeCount = 1_000_000

  private struct Key: Hashable {
    var domain: String
    var name: String
    var overload: String
  }

  private let functions: [Key: FunctionProto]

  init(_ functions: [FunctionProto]) throws {
    var table: [Key: FunctionProto] = [:]
    for function in functions {
      let key = Key(
        domain: normalizedDomain(function.domain), name: function.name, overload: function.overload)
      guard table.updateValue(function, forKey: key) == nil else {
        throw GraphError.invalid("there are two functions '\(function.domain).\(function.name)'")
      }
    }
    self.functions = table
  }

  /// Replaces the calls in `graph`; operator sets that only functions import are added to `opsets`.
  func inline(_ graph: inout GraphProto, opsets: inout [String: Int]) throws {
    guard !functions.isEmpty else { return }
    var state = State(opsets: opsets)
    state.claimNames(of: graph)
    graph.node = try expanded(graph.node, calls: [], &state)
    opsets = state.opsets
  }

  private struct State {
    var opsets: [String: Int]
    var prefixes: Set<String> = []
    var nodeCount = 0

    /// Names up to every slash are taken, so that no value gets the name of another.
    mutating func claimNames(of graph: GraphProto) {
      let names =
        graph.initializer.map(\.name) + graph.input.map(\.name)
        + graph.node.flatMap { $0.output + [$0.name] }
      for name in names {
        for slash in name.indices where name[slash] == "/" {
          prefixes.insert(String(name[...slash]))
        }
      }
    }

    mutating func prefix(for node: NodeProto) -> String {
      let stem = node.name.isEmpty ? node.opType : node.name
      var prefix = stem + "/"
      var number = 1
      while !prefixes.insert(prefix).inserted {
        number += 1
        prefix = "\(stem)_\(number)/"
      }
      return prefix
    }
  }

  private func expanded(
    _ nodes: [NodeProto], calls: [Key], _ state: inout State
  ) throws -> [NodeProto] {
    var result: [NodeProto] = []
    for var node in nodes {
      for index in node.attribute.indices where node.attribute[index].hasG {
        node.attribute[index].g.node = try expanded(
          node.attribute[index].g.node, calls: calls, &state)
      }
      let key = Key(
        domain: normalizedDomain(node.domain), name: node.opType, overload: node.overload)
      guard let function = functions[key] else {
        state.nodeCount += 1
        guard state.nodeCount <= Self.largestNodeCount else {
          throw GraphError.unsupported(
            "written out, the model's functions make more than \(Self.largestNodeCount) nodes")
        }
        result.append(node)
        continue
      }
      guard !calls.contains(key) else {
        throw GraphError.invalid("function '\(key.domain).\(key.name)' calls itself")
      }
      try merge(function.opsetImport, of: key, into: &state)
      let call = FunctionCall(of: function, by: node, prefix: state.prefix(for: node))
      result += try expanded(call.body(), calls: calls + [key], &state)
    }
    return result
  }

  private func merge(
    _ imports: [OperatorSetIdProto], of key: Key, into state: inout State
  ) throws {
    for entry in imports {
      let domain = normalizedDomain(entry.domain)
      let version = state.opsets[domain, default: Int(entry.version)]
      guard version == Int(entry.version) else {
        throw GraphError.unsupported(
          "function '\(key.domain).\(key.name)' is written for version \(entry.version) of the"
            + " operator set '\(domain)', the model for \(version)")
      }
      state.opsets[domain] = version
    }
  }
}
