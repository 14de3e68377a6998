import Execution
import Graph
import PostTraining
import Quantization
import Tensors

/// A unit as a graph by itself. What goes in and comes out has a row of numbers for each sample, whatever
/// the values' shapes.
struct UnitGraph {
  /// A value that goes in or out.
  struct Port: Sendable, Hashable {
    /// Its name in the quantized network, before its quantizer.
    let name: String
    /// Its name in the float network.
    let value: String
    /// Its shape for a batch.
    let shape: [Int]
    /// Numbers of a sample.
    let count: Int
  }

  /// The graph, without outputs.
  var graph: Graph
  let unit: ReconstructionUnit
  let batch: Int
  let inputs: [Port]
  let outputs: [Port]

  /// Cuts a unit out of a network as it is quantized by now.
  ///
  /// - Throws: `GraphError` where samples cannot be told apart in what goes in or out.
  init(_ unit: ReconstructionUnit, of network: ReconstructedNetwork) throws {
    self.unit = unit
    batch = network.batch
    inputs = try unit.inputs.map { try network.port($0) }
    outputs = try unit.outputs.map { try network.port($0) }
    graph = try network.quantized()
    var wanted = Set(outputs.map(\.name))
    let borders = Set(inputs.map(\.name))
    var kept: [Node] = []
    for node in graph.nodes.reversed()
    where node.outputs.contains(where: { wanted.contains($0) && !borders.contains($0) }) {
      kept.append(node)
      wanted.formUnion(node.valuesRead)
    }
    graph.initializers = graph.initializers.filter { wanted.contains($0.key) }
    graph.valueInfo = [:]
    graph.inputs = []
    graph.nodes = []
    for port in inputs { addInput(port.name, port.shape, .float32) }
    graph.nodes += kept.reversed()
  }

  /// The input under which a batch of `value` comes in.
  static func flat(_ value: String) -> String { "\(value)\0flat" }

  /// Adds an input of a row for each sample, which takes its shape inside.
  mutating func addInput(_ value: String, _ shape: [Int], _ type: ElementType) {
    let count = shape.reduce(1, *) / batch
    graph.inputs.append(
      ValueInfo(
        name: Self.flat(value), elementType: type, shape: [.fixed(batch), .fixed(count)]))
    let target = constant("\(value)\0shape", Tensor(shape.map(Int64.init)))
    graph.nodes.append(Node("Reshape", inputs: [Self.flat(value), target], outputs: [value]))
  }

  /// Makes the outputs, each multiplied by a number, the only output: one after the other in a row for
  /// each sample.
  mutating func joinOutputs(by factors: [Float]) {
    let rows = constant("unit\0rows", Tensor([Int64(batch), -1]))
    var parts: [String] = []
    for (number, port) in outputs.enumerated() {
      let factor = constant("unit\0factor \(number)", Tensor(scalar: factors[number]))
      graph.nodes += [
        Node("Reshape", inputs: [port.name, rows], outputs: ["unit\0row \(number)"]),
        Node(
          "Mul", inputs: ["unit\0row \(number)", factor], outputs: ["unit\0part \(number)"]),
      ]
      parts.append("unit\0part \(number)")
    }
    graph.nodes.append(
      Node("Concat", inputs: parts, outputs: [Self.output], attributes: ["axis": .int(1)]))
    graph.outputs = [ValueInfo(name: Self.output, elementType: .float32)]
  }

  static let output = "unit\0output"

  /// Adds a constant and returns its name.
  mutating func constant(_ name: String, _ tensor: Tensor) -> String {
    graph.initializers[name] = tensor
    return name
  }

  /// Adds a node and returns the name of its result.
  mutating func add(
    _ operatorType: String, _ inputs: [String], to name: String,
    _ attributes: [String: Attribute] = [:]
  ) -> String {
    graph.nodes.append(
      Node(operatorType, inputs: inputs, outputs: [name], attributes: attributes))
    return name
  }
}

extension ReconstructedNetwork {
  /// A value as what goes into or out of a unit.
  fileprivate func port(_ value: String) throws -> UnitGraph.Port {
    guard let whole = shapes[value], let one = shapesOfOne[value] else {
      throw GraphError.unsupported("the shape of '\(value)' is not known before it is computed")
    }
    guard whole.elementType == .float32 else {
      throw GraphError.unsupported("'\(value)' is of \(whole.elementType), not of float32")
    }
    guard let rows = one.shape.first, whole.shape == [rows * batch] + one.shape.dropFirst() else {
      throw GraphError.unsupported(
        "samples do not lie one after the other in '\(value)' of shape \(whole.shape)")
    }
    return UnitGraph.Port(
      name: raw(value), value: value, shape: whole.shape, count: whole.count / batch)
  }
}
