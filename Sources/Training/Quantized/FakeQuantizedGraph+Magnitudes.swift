import Graph
import Operations
import PostTraining
import Quantization
import Tensors

// Ranges of activations by a running average of the largest magnitude, as Sriram et al. have it (US
// 2022/0044114): `a = (1 - k) a + k max |x|` over batches.

extension FakeQuantizedGraph {
  /// What a batch adds to a running average.
  private static let share: Float = 0.01

  /// Makes the scales of activations follow the largest magnitudes of what they quantize.
  ///
  /// - Returns: What a step renews for it.
  mutating func followMagnitudes() -> [RunningStatistic] {
    let members = Dictionary(grouping: network.activations.indices) {
      network.activations[$0].group
    }
    return members.sorted { $0.key < $1.key }.compactMap { group, places in
      let raw = places.filter { state.coverage(of: $0) != .none }.map {
        Self.rawName(network.activations[$0], state.coverage(of: $0), in: graph)
      }
      guard !raw.isEmpty, let quantizer = state.plan.values[group]?.quantizer else { return nil }
      let scale = LearnedScale.name(ofGroup: group)
      let statistic = RunningStatistic(
        name: RunningMagnitude.name(ofGroup: group), next: "\(group)\0next magnitude")
      makeComputed(scale)
      graph.initializers[statistic.name] = Tensor(
        scalar: quantizer.scale * Float(RunningMagnitude.sideLevels(of: quantizer)))
      func number(_ value: Float) -> String {
        let name = "magnitude\0number \(value)"
        graph.initializers[name] = Tensor(scalar: value)
        return name
      }
      func add(
        _ operatorType: String, _ inputs: [String], writing name: String? = nil
      ) -> String {
        let name = name ?? "\(group)\0magnitude \(graph.nodes.count)"
        let attributes: [String: Attribute] =
          operatorType == "ReduceMax" ? ["keepdims": .int(0)] : [:]
        graph.nodes.append(
          Node(operatorType, inputs: inputs, outputs: [name], attributes: attributes))
        return name
      }
      let levels = number(Float(RunningMagnitude.sideLevels(of: quantizer)))
      _ = add(
        "Max", [add("Div", [statistic.name, levels]), number(Quantizer.scaleRange.lowerBound)],
        writing: scale)
      let maxima = raw.map { add("ReduceMax", [add("Abs", [$0])]) }
      let largest = maxima.count == 1 ? maxima[0] : add("Max", maxima)
      _ = add(
        "Add",
        [
          add("Mul", [statistic.name, number(1 - Self.share)]),
          add("Mul", [largest, number(Self.share)]),
        ], writing: statistic.next)
      return statistic
    }
  }
}

/// Quantizers whose scales follow magnitudes.
enum RunningMagnitude {
  // No name of a model can hold a NUL.
  static func name(ofGroup group: String) -> String { "\(group)\0magnitude" }

  /// Levels between 0 and the largest magnitude.
  static func sideLevels(of quantizer: Quantizer) -> Int {
    max(quantizer.levels - 1 - quantizer.zeroPoint, 1)
  }

  /// The quantizer of the same reach whose zero point is at the end of its levels, where calibration
  /// has found it there, or in their middle.
  static func centred(_ quantizer: Quantizer) -> Quantizer {
    let reach =
      quantizer.scale
      * Float(max(quantizer.zeroPoint, quantizer.levels - 1 - quantizer.zeroPoint))
    let start = Quantizer(
      scale: quantizer.scale, zeroPoint: quantizer.zeroPoint == 0 ? 0 : quantizer.levels / 2,
      levels: quantizer.levels)
    return scaled(start, magnitude: reach)
  }

  /// The quantizer with the scale of a magnitude, as the step computes it.
  static func scaled(_ quantizer: Quantizer, magnitude: Float) -> Quantizer {
    let limits = Quantizer.scaleRange
    let scale = magnitude / Float(sideLevels(of: quantizer))
    return Quantizer(
      scale: min(max(scale, limits.lowerBound), limits.upperBound),
      zeroPoint: quantizer.zeroPoint, levels: quantizer.levels)
  }
}

extension QuantizationState {
  /// The state with the scales of activations changed by group.
  func replacingActivations(
    _ change: (_ group: String, Quantizer) -> Quantizer
  ) -> QuantizationState {
    var state = self
    for (name, value) in plan.values {
      state.plan.values[name]?.quantizer = value.quantizer.map { change(value.group, $0) }
    }
    return state
  }

  /// The state with the scales that running magnitudes have by now.
  func following(_ tensors: [String: Tensor]) -> QuantizationState {
    replacingActivations { group, quantizer in
      guard let tensor = tensors[RunningMagnitude.name(ofGroup: group)] else { return quantizer }
      return RunningMagnitude.scaled(quantizer, magnitude: tensor.array(of: Float.self)[0])
    }
  }
}
