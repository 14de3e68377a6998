import Execution
import Graph
import Operations
import Tensors

extension Graph {
  /// Turns Constant nodes into initializers.
  mutating func moveConstantNodes() {
    nodes.removeAll { node in
      guard node.operatorType == "Constant", node.domain.isEmpty, let output = node.outputs.first,
        let tensor = node.constantValue
      else { return false }
      initializers[output] = tensor
      return true
    }
  }

  /// Computes what follows from initializers alone.
  mutating func foldConstants() throws {
    let unsupported = Set(try Executor<ReferenceBackend>.unsupportedNodes(of: self).map(\.label))
    var constant = Set(initializers.keys)
    var folded: [Node] = []
    var rest: [Node] = []
    for node in nodes {
      let isFoldable =
        node.domain.isEmpty && !node.inputs.isEmpty && !unsupported.contains(node.label)
        && !node.operatorType.hasPrefix("Random") && node.operatorType != "Multinomial"
        && node.valuesRead.allSatisfy { $0.isEmpty || constant.contains($0) }
      if isFoldable {
        folded.append(node)
        constant.formUnion(node.outputs)
      } else {
        rest.append(node)
      }
    }
    guard !folded.isEmpty else { return }
    var wanted = Set(rest.flatMap(\.valuesRead))
    wanted.formUnion(outputs.map(\.name))
    let results = folded.flatMap(\.outputs).filter { !$0.isEmpty && wanted.contains($0) }
    var graph = self
    graph.inputs = []
    graph.nodes = folded
    graph.outputs = results.map { ValueInfo(name: $0, elementType: .float32) }
    let values = try Executor(graph, on: ReferenceBackend.shared).run([:])
    for (name, tensor) in values { initializers[name] = tensor }
    nodes = rest
  }
}

extension Node {
  /// The tensor of a Constant node.
  fileprivate var constantValue: Tensor? {
    for (name, value) in attributes {
      switch (name, value) {
      case ("value", .tensor(let tensor)): return tensor
      case ("value_float", .float(let number)): return Tensor(scalar: number)
      case ("value_floats", .floats(let numbers)): return Tensor(numbers)
      case ("value_int", .int(let number)): return Tensor(scalar: Int64(number))
      case ("value_ints", .ints(let numbers)): return Tensor(numbers.map(Int64.init))
      default: continue
      }
    }
    return nil
  }
}
