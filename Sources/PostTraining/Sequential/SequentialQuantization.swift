import Calibration
import Execution
import Graph
import Operations
import Quantization
import Tensors

/// Quantizes layers one after the other, each for what the quantized layers before it give.
///
/// For every layer, in waves of layers that do not depend on one another, the samples of calibration are
/// run through the float network and through the network as it is quantized so far. The layer's weights
/// are fitted so that on the data of now it gives what it gave in float (``WeightFitting``), then
/// rounded, and its bias takes the mean of the error that is left. So errors of activations and of
/// layers before are made up for instead of adding up, in memory that does not depend on the number of
/// samples.
///
/// Method: layer-wise reconstruction with inputs of the quantized network (Nagel et al., "Up or Down?",
/// ICML 2020, section 3.3; Hubara et al., "Accurate Post Training Quantization With Small Calibration
/// Sets", ICML 2021), in closed form by second moments.
struct SequentialQuantization<B: Backend> {
  let quantization: LayerQuantization<B>
  let replay: CalibrationReplay

  private var settings: QuantizationSettings { quantization.settings }
  private var index: GraphIndex { quantization.index }

  /// Quantizes the layers of `plan` anew that have filters whose patches are known; the others stay, and
  /// their warnings say why.
  ///
  /// - Parameter layers: All layers, each quantized for itself.
  /// - Returns: What the user should know of the samples.
  func refine(_ layers: inout [Int: QuantizedLayer], _ plan: QuantizationPlan) throws -> [String] {
    let obstacles = plan.weights.compactMapValues(\.sequentialObstacle)
    for (number, reason) in obstacles { layers[number]?.warnings.append(Self.warning(reason)) }
    let chosen = Set(plan.weights.keys).subtracting(obstacles.keys)
    let constants = try plan.quantizedConstants(settings)
    var replaySettings = settings
    replaySettings.target = .ortCPU
    var leftOut: Set<String> = []
    for wave in index.waves(of: chosen) {
      let model = QuantizedModel(
        plan: plan, settings: replaySettings, weights: layers.mapValues(\.weights),
        biases: layers.compactMapValues(\.bias), layersWithoutMoments: [], determinations: [:],
        constants: constants)
      let found = try replayed(wave, plan, model)
      leftOut.formUnion(found.leftOut)
      for number in wave {
        guard let weights = plan.weights[number],
          let data = plan.values[index.nodes[number].inputs[0]]?.quantizer
        else { preconditionFailure("'\(index.nodes[number].label)' was planned without data") }
        switch found.moments[number] {
        case .success(let moments):
          layers[number] = try quantization.layer(number, weights, data: data, replayed: moments)
        case .failure(let obstacle):
          layers[number]?.warnings.append(Self.warning(obstacle.reason))
        case nil: preconditionFailure("'\(index.nodes[number].label)' was not looked at")
        }
      }
    }
    guard !leftOut.isEmpty else { return [] }
    let names = leftOut.sorted().prefix(3).joined(separator: ", ")
    return [
      "sequential: left out \(leftOut.count) samples with values that are not finite, in the float network "
        + "or behind quantized layers: \(names)\(leftOut.count > 3 ? "..." : "")"
    ]
  }

  private static func warning(_ reason: String) -> String {
    "was quantized for the float network's data: \(reason)"
  }

  /// Why there are no moments for a layer.
  private struct Obstacle: Error {
    let reason: String
  }

  /// What the filters of a wave's layers meet, or why that is not known, and samples that were left out.
  private typealias Replayed = (moments: [Int: Result<FilterMoments, Obstacle>], leftOut: [String])

  private func replayed(
    _ wave: [Int], _ plan: QuantizationPlan, _ model: QuantizedModel
  ) throws -> Replayed {
    let values = Set(wave.map { index.nodes[$0].inputs[0] })
    let (graph, names) = try model.replayGraph(of: values)
    let float = try Executor(plan.graph.giving(values), on: quantization.backend)
    let quantized = try Executor(graph, on: quantization.backend)
    var sums = ReplaySums(values: values, replay.chosen.count)
    for number in wave {
      guard let geometry = plan.weights[number]?.patches else { continue }
      sums.expect(geometry, of: index.nodes[number].inputs[0])
    }
    try replay.forEachBatch(of: replay.chosen, plan.graph) { inputs, samples in
      func run(_ inputs: [String: Tensor], _ samples: [CalibrationSample]) throws {
        let now = try quantized.run(inputs)
        try sums.add(
          float: float.run(inputs), quantized: names.compactMapValues { now[$0] },
          of: samples.map(\.name))
      }
      do {
        try run(inputs, samples)
      } catch is NotFinite where replay.allowsNonFinite {
        // Which samples of a batch they are is found out one by one.
        for sample in samples {
          do {
            try run(sample.inputs, [sample])
          } catch is NotFinite {
            sums.leftOut.append(sample.name)
          }
        }
      } catch let error as NotFinite {
        throw error.graphError
      }
    }
    var moments: [Int: Result<FilterMoments, Obstacle>] = [:]
    for number in wave {
      guard let weights = plan.weights[number], let geometry = weights.patches else { continue }
      let isCentered =
        settings.improvements.contains(.bias) && weights.takesBias(index.nodes[number])
      let value = index.nodes[number].inputs[0]
      if let reason = sums.obstacle(to: geometry, of: value) {
        moments[number] = .failure(Obstacle(reason: reason))
      } else {
        moments[number] = sums.moments(geometry, of: value, isCentered: isCentered).map {
          .success($0)
        }
      }
    }
    return (moments, sums.leftOut)
  }
}
