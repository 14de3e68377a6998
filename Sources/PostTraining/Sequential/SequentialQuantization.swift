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

  /// Quantizes the layers of `plan` anew that have filters whose patches are known; the others stay.
  ///
  /// - Parameter layers: All layers, each quantized for itself.
  func refine(_ layers: inout [Int: QuantizedLayer], _ plan: QuantizationPlan) throws {
    let chosen = Set(plan.weights.filter { $0.value.takesSecondOrder }.map(\.key))
    let constants = try plan.quantizedConstants(settings)
    var replaySettings = settings
    replaySettings.target = .ortCPU
    for wave in index.waves(of: chosen) {
      let model = QuantizedModel(
        plan: plan, settings: replaySettings, weights: layers.mapValues(\.weights),
        biases: layers.compactMapValues(\.bias), layersWithoutMoments: [], determinations: [:],
        constants: constants)
      let moments = try moments(of: wave, plan, model)
      for number in wave {
        guard let weights = plan.weights[number],
          let data = plan.values[index.nodes[number].inputs[0]]?.quantizer,
          let found = moments[number]
        else {
          layers[number]?.warnings.append(
            "was quantized for the float network's data: it meets no patches of the samples")
          continue
        }
        layers[number] = try quantization.layer(number, weights, data: data, replayed: found)
      }
    }
  }

  /// What the filters of some layers meet, over the samples.
  private func moments(
    of wave: [Int], _ plan: QuantizationPlan, _ model: QuantizedModel
  ) throws -> [Int: FilterMoments] {
    let values = Set(wave.map { index.nodes[$0].inputs[0] })
    let (graph, names) = try model.replayGraph(of: values)
    let float = try Executor(plan.graph.giving(values), on: quantization.backend)
    let quantized = try Executor(graph, on: quantization.backend)
    let samples = replay.chosen
    var sums: [String: [PatchGeometry: ReplayMoments]] = [:]
    for number in wave {
      guard let geometry = plan.weights[number]?.patches else { continue }
      sums[index.nodes[number].inputs[0], default: [:]][geometry] = ReplayMoments(
        geometry, samples: samples.count)
    }
    var lacking: Set<String> = []
    try replay.forEachBatch(of: samples, plan.graph) { inputs, some in
      let count = some.count
      let before = try float.run(inputs)
      let now = try quantized.run(inputs)
      for value in values.sorted() {
        guard let own = before[value], let other = names[value].flatMap({ now[$0] }) else {
          lacking.insert(value)
          continue
        }
        try own.requireFinite("'\(value)'", of: some)
        try other.requireFinite("'\(value)' behind quantized layers", of: some)
        // What weaves samples together cannot be told apart, and need not be: there is but one.
        for geometry in sums[value, default: [:]].keys.sorted(by: { $0.taps < $1.taps })
        where sums[value]?[geometry]?.add(float: own, quantized: other, samples: count) != true {
          lacking.insert(value)
        }
      }
    }
    var moments: [Int: FilterMoments] = [:]
    for number in wave {
      let value = index.nodes[number].inputs[0]
      guard let weights = plan.weights[number], let geometry = weights.patches,
        !lacking.contains(value), let found = sums[value]?[geometry]
      else { continue }
      moments[number] = found.moments(
        isCentered: settings.improvements.contains(.bias)
          && weights.takesBias(index.nodes[number]))
    }
    return moments
  }
}

extension Tensor {
  /// Throws where a value of some samples holds NaN or infinities: weights cannot be fitted to these.
  fileprivate func requireFinite(_ value: String, of samples: [String]) throws {
    let place = withElements(of: Float.self) { $0.firstIndex { !$0.isFinite } }
    guard let place else { return }
    // Where samples are not parts of equal size, all that ran are named.
    let isSplit = shape.first?.isMultiple(of: samples.count) == true
    let found = isSplit ? samples[place / (count / samples.count)] : samples.joined(separator: ", ")
    throw GraphError.invalid(
      "sequential: the value \(value) is not finite for \(found); without the sample, or without "
        + "'sequential', the model can be quantized")
  }
}
