import Calibration
import Execution
import Graph
import Operations
import PostTraining
import Tensors

/// What goes into a unit in the network as it is quantized by now, and what the float network gives there,
/// for a bounded number of samples.
struct UnitSamples {
  /// For every input and sample a row of numbers.
  private(set) var inputs: [[[Float]]]
  /// For every sample the outputs, one after the other.
  private(set) var targets: [[Float]] = []

  /// How many there are.
  var count: Int { targets.count }

  /// How many samples of a unit `bytes` hold, at least one.
  static func capacity(of graph: UnitGraph, bytes: Int) -> Int {
    let numbers = (graph.inputs + graph.outputs).reduce(0) { $0 + $1.count }
    return max(bytes / (4 * max(numbers, 1)), 1)
  }

  /// Runs samples through both networks.
  ///
  /// - Parameters:
  ///   - samples: Their numbers in `replay`.
  ///   - pass: What they are for, for messages.
  init<B: Backend>(
    _ samples: [Int], of replay: CalibrationReplay, to unit: UnitGraph,
    in network: ReconstructedNetwork, for pass: Improvement, on backend: B
  ) throws {
    let float = try Executor(network.float.giving(unit.outputs.map(\.value)), on: backend)
    let quantized = try Executor(
      network.quantized().giving(unit.inputs.map(\.name)), on: backend)
    inputs = unit.inputs.map { _ in [] }
    for first in stride(from: 0, to: samples.count, by: network.batch) {
      let some = try samples[first..<min(first + network.batch, samples.count)].map(replay.sample)
      let batch = try network.batch(of: some.map(\.inputs))
      let before = try float.run(batch)
      let now = try quantized.run(batch)
      for (number, port) in unit.inputs.enumerated() {
        let rows = try (now[port.name] ?? batch[port.name]).rows(port, some.count)
        try requireFinite(rows, "'\(port.value)' behind quantized layers", some.map(\.name), pass)
        inputs[number] += rows
      }
      let outputs = try unit.outputs.map { port in
        let rows = try before[port.value].rows(port, some.count)
        try requireFinite(rows, "'\(port.value)'", some.map(\.name), pass)
        return rows
      }
      for sample in some.indices { targets.append(outputs.flatMap { $0[sample] }) }
    }
  }

  /// The inputs of a batch of the samples `chosen`, by name.
  func batch(_ chosen: [Int], of unit: UnitGraph) -> [String: Tensor] {
    var batch: [String: Tensor] = [:]
    for (port, rows) in zip(unit.inputs, inputs) {
      batch[UnitGraph.flat(port.name)] = Self.stacked(chosen.map { rows[$0] })
    }
    return batch
  }

  /// The targets of a batch, the part of each output multiplied by its number.
  func targets(_ chosen: [Int], of unit: UnitGraph, by factors: [Float]) -> Tensor {
    Self.stacked(
      chosen.map { sample in
        var row = targets[sample]
        var start = 0
        for (port, factor) in zip(unit.outputs, factors) {
          for place in start..<start + port.count { row[place] *= factor }
          start += port.count
        }
        return row
      })
  }

  private static func stacked(_ rows: [[Float]]) -> Tensor {
    Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0])
  }

  private func requireFinite(
    _ rows: [[Float]], _ value: String, _ samples: [String], _ pass: Improvement
  ) throws {
    for (row, sample) in zip(rows, samples) where !row.allSatisfy(\.isFinite) {
      throw GraphError.invalid(
        "\(pass.rawValue): the value \(value) is not finite for \(sample); without the sample, or "
          + "without '\(pass.rawValue)', the model can be quantized")
    }
  }
}

extension Optional<Tensor> {
  /// The rows of the first `count` samples of a batch.
  fileprivate func rows(_ port: UnitGraph.Port, _ count: Int) throws -> [[Float]] {
    guard let self, self.shape == port.shape else {
      throw GraphError.invalid(
        "'\(port.value)' has shape \(self.map { "\($0.shape)" } ?? "none"), expected \(port.shape)")
    }
    return self.withElements(of: Float.self) { elements in
      (0..<count).map { Array(elements[$0 * port.count..<($0 + 1) * port.count]) }
    }
  }
}

extension ReconstructedNetwork {
  /// A batch of some samples, the last repeated until it is full.
  fileprivate func batch(of samples: [[String: Tensor]]) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    for input in float.inputs {
      let parts = samples.compactMap { $0[input.name] }
      guard parts.count == samples.count, let last = parts.last,
        parts.allSatisfy({ $0.shape == last.shape && $0.elementType == last.elementType })
      else { throw GraphError.invalid("samples of the input '\(input.name)' differ in shape") }
      let all = parts + Array(repeating: last, count: batch - parts.count)
      let bytes = all.flatMap { part in part.withBytes { Array($0) } }
      inputs[input.name] = Tensor(
        bytes: bytes, shape: [batch * (last.shape.first ?? 1)] + last.shape.dropFirst(),
        as: last.elementType)
    }
    return inputs
  }
}

extension Graph {
  /// The graph with other outputs, floats, and without what they do not need.
  func giving(_ values: [String]) -> Graph {
    var graph = self
    let given = Set(inputs.map(\.name))
    graph.outputs = Set(values).subtracting(given).sorted().map {
      ValueInfo(name: $0, elementType: .float32)
    }
    graph.removeDeadNodes()
    return graph
  }
}
