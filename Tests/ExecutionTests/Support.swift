import Graph
import Operations
import Tensors

@testable import Execution

/// A graph of one node whose inputs are the graph's, in the order `a`, `b`, ...
func graph(
  _ operatorType: String, opset: Int, domain: String = "", inputs: [Tensor?],
  attributes: [String: Attribute] = [:], outputs: Int = 1, constants: Set<Int> = []
) -> Graph {
  let names = inputs.indices.map { inputs[$0] == nil ? "" : "input\($0)" }
  let results = (0..<outputs).map { "output\($0)" }
  var graph = Graph(
    opsets: domain.isEmpty ? ["": opset] : ["": 21, domain: opset],
    nodes: [
      Node(
        name: "tested", operatorType, domain: domain, inputs: names, outputs: results,
        attributes: attributes)
    ])
  for (index, input) in inputs.enumerated() {
    guard let input else { continue }
    if constants.contains(index) {
      graph.initializers[names[index]] = input
    } else {
      graph.inputs.append(
        ValueInfo(
          name: names[index], elementType: input.elementType,
          shape: input.shape.map { .fixed($0) }))
    }
  }
  graph.outputs = results.map { ValueInfo(name: $0, elementType: .float32) }
  return graph
}

/// What one node computes on the reference.
func compute(
  _ operatorType: String, opset: Int, domain: String = "", _ inputs: [Tensor?],
  _ attributes: [String: Attribute] = [:], outputs: Int = 1, constants: Set<Int> = []
) throws -> [Tensor] {
  let graph = graph(
    operatorType, opset: opset, domain: domain, inputs: inputs, attributes: attributes,
    outputs: outputs, constants: constants)
  var tensors: [String: Tensor] = [:]
  for (index, input) in inputs.enumerated() where !constants.contains(index) {
    if let input { tensors["input\(index)"] = input }
  }
  let executor = try Executor(graph, on: ReferenceBackend.shared)
  let results = try executor.run(tensors)
  return (0..<outputs).compactMap { results["output\($0)"] }
}

/// The message of what `body` throws, which must be a `GraphError`.
func message(_ kind: GraphError.Kind, _ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let error as GraphError where error.kind == kind {
    return error.description
  } catch {
    return nil
  }
}

/// A tensor of `shape` with the numbers 0, 1, 2, ...
func counting(_ shape: [Int]) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map { Float($0) }, shape: shape)
}
