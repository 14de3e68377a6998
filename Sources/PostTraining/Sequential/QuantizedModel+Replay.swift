import Graph
import Tensors

extension QuantizedModel {
  /// The graph as far as some values, computed on codes as ONNX Runtime would, and the names under which
  /// it gives what readers of these values get.
  func replayGraph(of values: Set<String>) throws -> (graph: Graph, names: [String: String]) {
    var emitter = Emitter(self)
    _ = emitter.emitQDQ()
    var names: [String: String] = [:]
    for value in values.sorted() { names[value] = emitter.float(value) }
    let graph = emitter.finish()
    return (
      try graph.upgraded(toOpset: requiredOpset(of: graph)).giving(Set(names.values)), names
    )
  }
}

extension Graph {
  /// The graph with other outputs, which are floats, and without what they do not need.
  func giving(_ values: Set<String>) -> Graph {
    var graph = self
    graph.outputs = values.sorted().map { ValueInfo(name: $0, elementType: .float32) }
    graph.removeDeadNodes()
    return graph
  }
}

extension GraphIndex {
  /// The nodes of `layers` in waves: what a layer reads depends on layers of waves before its own only.
  func waves(of layers: Set<Int>) -> [[Int]] {
    // Nodes are in an order in which they can run.
    var depths: [String: Int] = [:]
    var waves: [Int: [Int]] = [:]
    for (number, node) in nodes.enumerated() {
      let depth = node.inputs.compactMap { depths[$0] }.max() ?? 0
      let isLayer = layers.contains(number)
      if isLayer { waves[depth, default: []].append(number) }
      for output in node.outputs { depths[output] = depth + (isLayer ? 1 : 0) }
    }
    return waves.sorted { $0.key < $1.key }.map(\.value)
  }
}
