import Tensors

extension Graph {
  /// The graph as it reads under version `target` of ONNX's operator set; it computes the same.
  ///
  /// Every operator that changed incompatibly between the versions is rewritten, one version after
  /// the other, also in sub-graphs; `OperatorChange.all` lists the changes. Names of values and
  /// nodes stay. A graph that is as new as `target` is returned as it is.
  ///
  /// - Throws: ``GraphError`` naming the nodes that the newer version cannot express, all of them in
  ///   one message, or when the graph is older than version 7.
  public func upgraded(toOpset target: Int) throws(GraphError) -> Graph {
    guard let source = opsets[""] else {
      throw .invalid("the graph names no version of ONNX's operator set")
    }
    guard source < target else { return self }
    guard source >= 7 else {
      throw .unsupported("operator set \(source) is too old to be upgraded: 7 is the oldest")
    }
    var upgrade = OperatorSetUpgrade(source: source, target: target, names: ValueNames(of: self))
    var result = upgrade.upgraded(self)
    if !upgrade.problems.isEmpty {
      throw .unsupported(
        "cannot be upgraded from operator set \(source) to \(target): "
          + upgrade.problems.joined(separator: "; "))
    }
    result.opsets[""] = target
    return result
  }
}

/// The upgrade of one graph and its sub-graphs.
private struct OperatorSetUpgrade {
  let source: Int
  let target: Int
  var names: ValueNames
  var problems: [String] = []

  mutating func upgraded(_ graph: Graph) -> Graph {
    let read = graph.readValues
    var constants = graph.initializers
    var ranks = Ranks(of: graph)
    var nodes: [Node] = []
    for var node in graph.nodes {
      for (name, attribute) in node.attributes {
        if case .graph(let inner) = attribute { node.attributes[name] = .graph(upgraded(inner)) }
      }
      guard node.domain.isEmpty else {
        nodes.append(node)
        continue
      }
      var rewriting = NodeRewriting(
        node: node, constants: constants, read: read, names: names, graph: graph,
        ranks: ranks)
      do throws(GraphError) {
        for change in OperatorChange.all
        where source < change.version && change.version <= target
          && change.operators.contains(rewriting.node.operatorType)
        {
          try change.rewrite(&rewriting)
        }
        nodes += rewriting.before + [rewriting.node] + rewriting.after
        constants = rewriting.constants
        names = rewriting.names
        ranks = rewriting.ranks
      } catch {
        problems.append(error.description)
        nodes.append(node)
      }
    }
    var result = graph
    result.nodes = nodes
    // Sub-graphs may read these too, but nothing else does any more.
    let stillRead = result.readValues
    result.initializers = constants.filter { name, _ in
      stillRead.contains(name) || !read.contains(name)
    }
    return result
  }
}

extension Graph {
  /// Names of all values that a node, a sub-graph or the caller reads.
  fileprivate var readValues: Set<String> {
    var names = Set(nodes.flatMap(\.valuesRead))
    names.formUnion(outputs.map(\.name))
    return names
  }
}
