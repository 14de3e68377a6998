import Execution
import Graph
import Tensors

/// A statistic that a normalization, or what else is counted, keeps from step to step.
struct RunningStatistic: Sendable, Hashable {
  /// The initializer that holds it at the beginning.
  let name: String
  /// The value that takes its place after a step.
  let next: String
}

extension Graph {
  /// Writes normalizations as the operators that they are made of, which have derivatives:
  /// LayerNormalization as it is, BatchNormalization with the statistics of the batch, as it is
  /// trained (Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 1).
  ///
  /// - Returns: What becomes of the running statistics of BatchNormalization: `momentum` of the old,
  ///   the rest of the batch's mean and (biased) variance, as ONNX has it in training mode.
  mutating func decomposeNormalizations() throws -> [RunningStatistic] {
    let kinds = ["BatchNormalization", "LayerNormalization"]
    guard nodes.contains(where: { $0.domain.isEmpty && kinds.contains($0.operatorType) }) else {
      return []
    }
    var writer = NormalizationWriter(
      names: ValueNames(of: self), shapes: try GraphAnalysis(of: self).shapes)
    for node in nodes {
      switch node.operatorType {
      case "BatchNormalization" where node.domain.isEmpty: try writer.addBatch(node, initializers)
      case "LayerNormalization" where node.domain.isEmpty: try writer.addLayer(node)
      default: writer.nodes.append(node)
      }
    }
    nodes = writer.nodes
    initializers.merge(writer.initializers) { $1 }
    return writer.statistics
  }
}

private struct NormalizationWriter {
  var names: ValueNames
  let shapes: [String: GraphAnalysis.ValueShape]
  var nodes: [Node] = []
  var initializers: [String: Tensor] = [:]
  var statistics: [RunningStatistic] = []

  mutating func addBatch(_ node: Node, _ constants: [String: Tensor]) throws {
    guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
      throw node.hasNoDerivative("its statistics are outputs")
    }
    let rank = try shape(of: node).count
    let (scale, bias) = (node.inputs[1], node.inputs[2])
    let axes = [0] + Array(2..<rank)
    let (normal, mean, variance) = normalized(node, axes: axes)
    let line = list([-1] + Array(repeating: 1, count: rank - 2))
    let scaled = add("Mul", [normal, add("Reshape", [scale, line])])
    nodes.append(
      Node("Add", inputs: [scaled, add("Reshape", [bias, line])], outputs: [node.outputs[0]]))
    let momentum = node.real("momentum", default: 0.9)
    for (name, found) in zip(node.inputs[3...4], [mean, variance]) where constants[name] != nil {
      let flat = add("Reshape", [found, list([-1])])
      let old = add("Mul", [name, number(momentum)])
      let new = add("Mul", [flat, number(1 - momentum)])
      statistics.append(RunningStatistic(name: name, next: add("Add", [old, new])))
    }
  }

  mutating func addLayer(_ node: Node) throws {
    guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
      throw node.hasNoDerivative("its statistics are outputs")
    }
    let rank = try shape(of: node).count
    let axis = node.integer("axis", default: -1)
    let axes = Array((axis < 0 ? axis + rank : axis)..<rank)
    let (normal, _, _) = normalized(node, axes: axes)
    guard node.hasInput(2) else {
      nodes.append(Node("Mul", inputs: [normal, node.inputs[1]], outputs: [node.outputs[0]]))
      return
    }
    let scaled = add("Mul", [normal, node.inputs[1]])
    nodes.append(Node("Add", inputs: [scaled, node.inputs[2]], outputs: [node.outputs[0]]))
  }

  /// The input less its mean, over the root of its variance, along `axes`.
  private mutating func normalized(
    _ node: Node, axes: [Int]
  ) -> (normal: String, mean: String, variance: String) {
    let axes = list(axes)
    let mean = add("ReduceMean", [node.inputs[0], axes])
    let centred = add("Sub", [node.inputs[0], mean])
    let variance = add("ReduceMean", [add("Mul", [centred, centred]), axes])
    let epsilon = number(node.real("epsilon", default: 1e-5))
    let deviation = add("Sqrt", [add("Add", [variance, epsilon])])
    return (add("Div", [centred, deviation]), mean, variance)
  }

  private func shape(of node: Node) throws -> [Int] {
    guard let shape = shapes[node.inputs[0]]?.shape, shape.count >= 2 else {
      throw node.hasNoDerivative("the shape of its input is not known before it is computed")
    }
    return shape
  }

  private mutating func add(_ operatorType: String, _ inputs: [String]) -> String {
    let output = names.unique("normalization/\(operatorType)")
    nodes.append(Node(operatorType, inputs: inputs, outputs: [output]))
    return output
  }

  private mutating func number(_ value: Float) -> String { constant(Tensor(scalar: value)) }

  private mutating func list(_ values: [Int]) -> String {
    constant(Tensor(values.map(Int64.init)))
  }

  private mutating func constant(_ tensor: Tensor) -> String {
    let name = names.unique("normalization/constant")
    initializers[name] = tensor
    return name
  }
}
