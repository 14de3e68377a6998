import Calibration
import Graph
import Operations
import PostTraining
import Quantization
import Tensors

/// Counts what a network that is quantized in part computes of calibration data.
struct ActivationObserver {
  private var graph: Graph
  /// The name of what is observed, by the activation's value.
  private var names: [String: String] = [:]

  /// - Parameters:
  ///   - channels: The activations to observe, by place, and which of their channels.
  ///   - graph: The graph for batches with the parameters of now.
  init(
    _ network: QuantizedNetwork, _ state: QuantizationState, channels: [Int: [Bool]], graph: Graph
  ) throws {
    self.graph = try FakeQuantizedGraph(network, state, current: nil, graph: graph).graph
    for (place, isChosen) in channels.sorted(by: { $0.key < $1.key }) {
      let activation = network.activations[place]
      let raw = FakeQuantizedGraph.rawName(
        activation, state.coverage(of: place), in: network.plan.graph)
      names[activation.value] = raw
      guard isChosen.contains(false), let axis = activation.channelAxis else { continue }
      let (indices, result) = ("\(activation.value)\0chosen", "\(activation.value)\0observed")
      self.graph.initializers[indices] = Tensor(
        isChosen.indices.filter { isChosen[$0] }.map(Int64.init))
      self.graph.nodes.append(
        Node(
          "Gather", inputs: [raw, indices], outputs: [result], attributes: ["axis": .int(axis)]))
      names[activation.value] = result
    }
  }

  /// The histograms by the activations' values.
  ///
  /// - Throws: `GraphError` when there are no data; `CalibrationError` naming what is not finite.
  func histograms<B: Backend>(
    of calibration: [[String: Tensor]], on backend: B
  ) throws -> [String: Histogram] {
    guard !calibration.isEmpty else {
      throw GraphError.invalid("there are no data to find the quantizers of activations with")
    }
    var calibrator = try Calibrator(graph, observing: Set(names.values), on: backend)
    for (number, inputs) in calibration.enumerated() {
      try calibrator.add([
        CalibrationSample(inputs: inputs, name: "batch \(number + 1) of the calibration data")
      ])
    }
    return names.compactMapValues { calibrator.tensors[$0]?.histogram }
  }
}
