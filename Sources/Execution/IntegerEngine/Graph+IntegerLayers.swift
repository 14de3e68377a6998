public import Graph

/// What an ``IntegerNetwork`` of a graph computes on codes and what in float, each by the place of the
/// node in the graph: labels need not be unique, and change where nodes have no names.
public struct IntegerParts: Sendable {
  /// The products of codes.
  public var layers: [Int: IntegerLayer] = [:]
  /// The nodes in float.
  public var islands: [Int: FloatIsland] = [:]
}

extension Graph {
  /// What the integer engine makes of each node.
  ///
  /// - Throws: ``Graph/GraphError`` when the nodes cannot be put in order.
  public func integerParts() throws -> IntegerParts {
    let network = try numberedNetwork()
    var parts = IntegerParts()
    for var layer in network.layers {
      guard let place = Int(layer.name), nodes.indices.contains(place) else { continue }
      layer.name = nodes[place].label
      parts.layers[place] = layer
    }
    for var island in network.islands {
      guard let place = Int(island.name), nodes.indices.contains(place) else { continue }
      island.name = nodes[place].label
      parts.islands[place] = island
    }
    return parts
  }

  /// The integer network of the graph with every node named after its place.
  ///
  /// - Parameter allowsOverflow: As for ``IntegerNetwork/init(_:allowsOverflow:)``.
  /// - Throws: ``Graph/GraphError`` with the nodes' own names.
  package func numberedNetwork(allowsOverflow: Bool = false) throws -> IntegerNetwork {
    var graph = self
    for place in nodes.indices { graph.nodes[place].name = "\(place)" }
    do {
      return try IntegerNetwork(graph, allowsOverflow: allowsOverflow)
    } catch {
      _ = try IntegerNetwork(self, allowsOverflow: allowsOverflow)
      throw error
    }
  }
}
