import Execution
import Graph
import Operations
import PostTraining
import Tensors

extension SensitivityAnalysis {
  /// Nanoseconds that a layer takes on integers at one of the choices, for one sample: the median of
  /// some runs of the layer alone. Quantizing its input and fetching its output are included, alike for
  /// all choices.
  ///
  /// - Throws: `GraphError` naming the layer when its shapes are not known.
  public func nanoseconds(of layer: Int, at option: Int) throws -> Int {
    let label = space.layers[layer].label
    var settings = space.settings(only: layer, at: option)
    // Engines compute the same integers from every form of a file; this one has values between layers.
    settings.target = .ortCPU
    let network = try model(settings)
    guard let node = network.plan.graph.nodes.first(where: { $0.label == label }),
      let shape = try GraphAnalysis(of: network.plan.graph).shapes[node.inputs[0]]?.shape
    else {
      throw GraphError.unsupported("layer '\(label)': the shape that it reads is not known")
    }
    var graph = try network.graph()
    let output = Self.result(of: node, network.plan, in: graph)
    let input = node.inputs[0]
    graph.inputs = [
      ValueInfo(
        name: input, elementType: .float32, shape: shape.map { .fixed($0) })
    ]
    graph.outputs = [ValueInfo(name: output, elementType: .float32)]
    graph.nodes.removeAll { $0.outputs.contains(input) }
    graph.removeDeadNodes()
    let executor = try Executor(IntegerNetwork(graph).graph, on: backend)
    let data = try backend.upload(Self.pattern(shape))
    var times: [Duration] = []
    let clock = ContinuousClock()
    for run in 0..<LayerTiming.warmUps + LayerTiming.runs {
      let time = try clock.measure {
        guard let output = try executor.compute([input: data])[output] else {
          throw GraphError.invalid("layer '\(label)' gives no output")
        }
        _ = try backend.download(output)
      }
      if run >= LayerTiming.warmUps { times.append(time) }
    }
    let median = times.sorted()[times.count / 2].components
    return Int(median.seconds) * 1_000_000_000 + Int(median.attoseconds / 1_000_000_000)
  }

  /// The value that `graph` has for a layer's result: behind a Relu or Clip that is part of its quantizer.
  private static func result(
    of node: Node, _ plan: QuantizationPlan, in graph: Graph
  ) -> String {
    let written = Set(graph.nodes.flatMap(\.outputs))
    var value = node.outputs[0]
    while !written.contains(value),
      let next = plan.graph.nodes.indices.first(where: { number in
        if case .fusedIntoQuantizer = plan.decisions[number] {
          plan.graph.nodes[number].inputs[0] == value
        } else {
          false
        }
      })
    {
      value = plan.graph.nodes[next].outputs[0]
    }
    return value
  }

  /// Numbers from -1 to 1 without a pattern that a kernel could profit from.
  private static func pattern(_ shape: [Int]) -> Tensor {
    Tensor(
      (0..<shape.reduce(1, *)).map {
        Float(UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) >> 8) / 0x1p23 - 1
      },
      shape: shape)
  }
}

/// How often a layer is run to time it.
private enum LayerTiming {
  static let warmUps = 2
  static let runs = 11
}
