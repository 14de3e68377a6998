public import Graph
import Operations
public import PostTraining
public import Quantization
public import Tensors

/// Weights that look like weights: different in every place, the same in every run.
public func weights(_ shape: [Int], seed: Int = 1) -> Tensor {
  var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 12345)
  let values = (0..<shape.reduce(1, *)).map { _ -> Float in
    state = state &* 1_664_525 &+ 1_013_904_223
    return (Float(state >> 8) / Float(1 << 24) - 0.5) / 2
  }
  return Tensor(values, shape: shape)
}

/// Settings with min-max ranges, which need no search, and without improvements.
public func settings(
  weights: Int = 256, activations: Int = 256, target: Target = .ortCPU,
  _ change: (inout QuantizationSettings) -> Void = { _ in }
) -> QuantizationSettings {
  var settings = QuantizationSettings(
    weights: TensorSettings(levels: weights, range: .minmax),
    activations: TensorSettings(levels: activations, range: .minmax), target: target,
    improvements: [])
  change(&settings)
  return settings
}

/// Histograms of made-up ranges for every value that a plan asks for.
public func histograms(
  _ plan: QuantizationPlan, range: (String) -> ClosedRange<Float>
) -> [String: Histogram] {
  Dictionary(
    uniqueKeysWithValues: plan.observedValues.map { name in
      let range = range(name)
      let extent = range.upperBound - range.lowerBound
      return (name, Histogram((0...100).map { range.lowerBound + Float($0) * extent / 100 }))
    })
}

/// Quantizes `graph` for made-up ranges.
public func quantized(
  _ graph: Graph, _ settings: QuantizationSettings, range: (String) -> ClosedRange<Float>
) throws -> QuantizedModel {
  let plan = try QuantizationPlan(graph, settings: settings)
  return try QuantizedModel(
    graph, histograms: histograms(plan, range: range), settings: settings,
    on: ReferenceBackend.shared)
}
