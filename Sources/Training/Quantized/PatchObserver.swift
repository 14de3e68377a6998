import Execution
import Graph
import Operations
import PostTraining
import Tensors

/// Multiplies what the filters of a layer meet with itself, over calibration data.
struct PatchObserver {
  private let graph: Graph
  private let output: String
  /// Groups of the layer's filters.
  let groupCount: Int
  /// Weights of a filter.
  let length: Int

  // No name of a model can hold a NUL.
  private static let prefix = "patches\0"

  /// - Parameter graph: The graph for batches with the parameters of now.
  /// - Returns: `nil` for a layer that is neither a convolution nor a product of matrices.
  init?(
    _ network: QuantizedNetwork, _ state: QuantizationState, layer place: Int, graph: Graph
  ) throws {
    let layer = network.layers[place]
    var graph = try FakeQuantizedGraph(network, state, current: nil, graph: graph).graph
    guard let number = graph.place(of: layer) else { return nil }
    let node = graph.nodes[number]
    var source = node.inputs[0]
    func add(_ operatorType: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) {
      source = "\(Self.prefix)\(graph.nodes.count)"
      graph.nodes.append(
        Node(operatorType, inputs: inputs, outputs: [source], attributes: attributes))
    }
    func list(_ values: [Int]) -> String {
      let name = "\(Self.prefix)list \(graph.nodes.count)"
      graph.initializers[name] = Tensor(values.map(Int64.init))
      return name
    }
    switch node.operatorType {
    case "Conv":
      groupCount = node.integer("group", default: 1)
      length = layer.shape[1...].reduce(1, *)
      // A filter for each of its weights, with a 1 in the place of the weight.
      let taps = length
      let units = (0..<groupCount * taps * taps).map { index -> Float in
        index / taps % taps == index % taps ? 1 : 0
      }
      graph.initializers["\(Self.prefix)units"] = Tensor(
        units, shape: [groupCount * taps] + layer.shape[1...])
      add("Conv", [source, "\(Self.prefix)units"], node.attributes)
      let spatial = Array(2..<layer.shape.count)
      add("Transpose", [source], ["perm": .ints([1, 0] + spatial)])
    case "Gemm", "MatMul":
      groupCount = 1
      length = layer.shape.reduce(1, *) / layer.filterCount
      add("Reshape", [source, list([-1, length])])
      add("Transpose", [source], ["perm": .ints([1, 0])])
    default: return nil
    }
    add("Reshape", [source, list([groupCount, length, -1])])
    let patches = source
    add("Transpose", [patches], ["perm": .ints([0, 2, 1])])
    add("MatMul", [patches, source])
    output = source
    graph.outputs = [ValueInfo(name: output, elementType: .float32)]
    graph.nodes = try graph.sortedNodes()
    graph.removeDeadNodes()
    self.graph = graph
  }

  /// The Gram matrix of every group, row after row.
  func grams<B: Backend>(
    of calibration: [[String: Tensor]], on backend: B
  ) throws -> [[Double]] {
    let executor = try Executor(graph, on: backend)
    var sums = [[Double]](
      repeating: [Double](repeating: 0, count: length * length), count: groupCount)
    for inputs in calibration {
      guard let products = try executor.run(inputs)[output]?.array(of: Float.self) else { continue }
      for group in sums.indices {
        for place in sums[group].indices {
          sums[group][place] += Double(products[group * length * length + place])
        }
      }
    }
    return sums
  }
}
