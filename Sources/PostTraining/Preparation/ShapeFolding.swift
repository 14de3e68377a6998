import Execution
import Graph
import Tensors

extension Graph {
  /// Makes the results of Shape constants where all inputs of the graph have fixed extents, so that
  /// what is computed from them (Gather, Concat, the target of a Reshape) can be folded too.
  ///
  /// A graph with an open dimension is left alone: there, a shape that looks fixed may depend on it.
  mutating func foldShapes() throws {
    let isClosed = inputs.allSatisfy { input in
      input.shape?.allSatisfy { if case .fixed = $0 { true } else { false } } ?? false
    }
    guard isClosed, nodes.contains(where: { $0.isShape }) else { return }
    let shapes = try GraphAnalysis(of: self).shapes
    let given = Set(outputs.map(\.name))
    nodes.removeAll { node in
      guard node.isShape, node.attributes.isEmpty, let input = node.inputs.first,
        let output = node.outputs.first, !given.contains(output), let shape = shapes[input]?.shape
      else { return false }
      initializers[output] = Tensor(shape.map(Int64.init))
      return true
    }
  }
}

extension Node {
  fileprivate var isShape: Bool { operatorType == "Shape" && domain.isEmpty }
}
