import Execution
public import Graph
import Tensors

/// A graph together with the derivatives of one of its values.
public struct DifferentiatedGraph: Sendable {
  /// The graph, with the nodes of the backward pass behind its own.
  public var graph: Graph
  /// The name of the derivative of each value that was asked for; it has the value's shape.
  public var gradients: [String: String]
}

extension Graph {
  /// The operator set whose operators the gradients are made of.
  static let trainingOpset = 21

  /// The graph with the derivatives of `loss` with respect to `values`, by reverse-mode
  /// differentiation: a table has, for every operator, the nodes that carry a derivative from its
  /// output to its inputs.
  ///
  /// The backward pass is made of ONNX's operators and runs wherever the graph does, in the same
  /// canonical order of sums: its results have the same bits on every backend.
  ///
  /// - Parameters:
  ///   - loss: A value of one element.
  ///   - values: What is differentiated for: inputs, initializers or any value of type float32.
  ///   - extents: Extents of the inputs' symbolic dimensions; the result is for these alone.
  ///   - barriers: Values behind which nothing is differentiated, as if they were inputs; what the
  ///     loss depends on through them alone has no entry in the result.
  /// - Throws: ``Graph/GraphError`` naming the node whose operator has no derivative, or the value
  ///   that the loss does not depend on.
  public func differentiated(
    _ loss: String, for values: [String], extents: [String: Int] = [:],
    stoppingAt barriers: Set<String> = []
  ) throws -> DifferentiatedGraph {
    let graph = try upgraded(toOpset: Self.trainingOpset)
    var builder = try GradientBuilder(
      graph, for: Set(values), extents: extents, stoppingAt: barriers)
    guard try builder.shape(of: loss).reduce(1, *) == 1 else {
      throw GraphError.invalid(
        "the loss '\(loss)' has shape \(try builder.shape(of: loss)), not one element")
    }
    builder.start(from: loss)
    for node in try graph.sortedNodes().reversed() { try builder.visit(node) }
    var gradients: [String: String] = [:]
    for value in values {
      guard let gradient = builder.gradient(of: value) else {
        guard barriers.isEmpty else { continue }
        throw GraphError.invalid("the loss '\(loss)' does not depend on '\(value)'")
      }
      gradients[value] = gradient
    }
    return DifferentiatedGraph(graph: builder.finished(graph), gradients: gradients)
  }
}
