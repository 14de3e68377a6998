import Calibration
import Execution
import Graph
import Operations
@testable import PostTraining
import Quantization
import Tensors
import TestNetworks

/// Images `[1, 3, 5, 6]` whose pixels are like their neighbours and whose channels follow each other; so
/// small that all patches are looked at.
func image(_ number: Int) -> CalibrationSample {
  let noise = weights([3, 5, 6], seed: number &* 31 &+ 5).array(of: Float.self)
  let slope = Float(number % 7) - 3
  let values = (0..<90).map { place in
    let (channel, y, x) = (place / 30, place / 6 % 5, place % 6)
    return 1 + slope * Float(x - y) / 8 * Float(channel + 1) + noise[place] * 0.4
  }
  return CalibrationSample(
    inputs: ["x": Tensor(values, shape: [1, 3, 5, 6])], name: "image \(number)")
}

func observed(_ graph: Graph, _ settings: QuantizationSettings) throws -> Observations {
  let plan = try QuantizationPlan(graph, settings: settings)
  let patches = plan.patches(for: settings)
  var calibrator = try Calibrator(
    graph, observing: plan.observedValues.union(patches.keys), channelAxes: plan.channelAxes,
    patches: patches, on: ReferenceBackend.shared)
  try calibrator.add((0..<24).map(image))
  return try calibrator.observations(of: .init(data: "images", sampleCount: 24))
}

/// A layer on `x`, `[N, 3, 5, 6]`, or on `x` as a matrix.
private func network(_ node: Node, _ shape: [Int], isMatrix: Bool = false) -> Graph {
  var graph = Graph(
    opsets: ["": 13], inputs: [value("x", [3, 5, 6])],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: ["w": weights(shape, seed: 9), "shape": Tensor([Int64(0), 15, 6])],
    nodes: [node])
  if isMatrix {
    graph.nodes[0].inputs[0] = "m"
    graph.nodes.insert(Node("Reshape", inputs: ["x", "shape"], outputs: ["m"]), at: 0)
  } else {
    graph.initializers["shape"] = nil
  }
  return graph
}

let patchNetworks: [(String, Graph)] = {
  func conv(_ attributes: [String: Attribute]) -> Node {
    Node("Conv", inputs: ["x", "w"], outputs: ["y"], attributes: attributes)
  }
  return [
    ("padded", network(conv(["pads": .ints([1, 1, 1, 1])]), [4, 3, 3, 3])),
    (
      "strided, dilated",
      network(conv(["strides": .ints([2, 1]), "dilations": .ints([1, 2])]), [4, 3, 3, 3])
    ),
    (
      "depthwise, SAME",
      network(conv(["group": .int(3), "auto_pad": .string("SAME_UPPER")]), [6, 1, 3, 3])
    ),
    (
      "transposed",
      network(
        Node(
          "ConvTranspose", inputs: ["x", "w"], outputs: ["y"],
          attributes: ["strides": .ints([2, 2])]), [3, 4, 2, 2])
    ),
    (
      "matrix",
      network(Node("MatMul", inputs: ["x", "w"], outputs: ["y"]), [6, 5], isMatrix: true)
    ),
  ]
}()

/// The mean squared error of every channel of `y` with quantized weights, over the data of calibration.
func errors(_ graph: Graph, _ weights: QuantizedWeights) throws -> [Double] {
  let name = graph.nodes.last!.inputs[1]
  var quantized = graph
  let float = graph.initializers[name]!
  let restored = zip(float.array(of: Float.self), weights.errors(of: float)).map {
    Float(Double($0) + $1)
  }
  quantized.initializers[name] = Tensor(restored, shape: float.shape)
  let before = try Executor(graph, on: ReferenceBackend.shared)
  let after = try Executor(quantized, on: ReferenceBackend.shared)
  var sums: [Double] = []
  for number in 0..<24 {
    let inputs = image(number).inputs
    let (a, b) = (try before.run(inputs)["y"]!, try after.run(inputs)["y"]!)
    let isMatrix = graph.nodes.last!.operatorType == "MatMul"
    let channels = a.shape[isMatrix ? a.rank - 1 : 1]
    if sums.isEmpty { sums = [Double](repeating: 0, count: channels) }
    for (place, pair) in zip(a.array(of: Float.self), b.array(of: Float.self)).enumerated() {
      let channel = isMatrix ? place % channels : place / (a.count / channels)
      sums[channel] += Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
    }
  }
  return sums
}
