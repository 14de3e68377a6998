import Execution
import Graph
public import Quantization
import Tensors

/// A quantizer of activations beside what it was chosen from.
public struct ObservedRange: Sendable {
  /// The values that share the quantizer, in the order in which they are computed.
  public var values: [String]
  /// The quantizer.
  public var quantizer: Quantizer
  /// How it was chosen; `nil` where a file does not say.
  public var method: String?
  /// What was observed; `nil` where nothing was.
  public var histogram: Histogram?

  /// Makes a range.
  public init(
    values: [String], quantizer: Quantizer, method: String? = nil, histogram: Histogram? = nil
  ) {
    self.values = values
    self.quantizer = quantizer
    self.method = method
    self.histogram = histogram
  }
}

/// How often each code stands for a weight of a layer.
public struct WeightCodes: Sendable {
  /// The layer's label.
  public var layer: String
  /// The lowest code, less the zero point.
  public var lowest: Int
  /// The weights of each code from the lowest on.
  public var counts: [Int]

  /// Counts codes.
  ///
  /// - Parameters:
  ///   - layer: The layer's label.
  ///   - codes: Codes less their zero point.
  ///   - range: The codes that there are.
  init(layer: String, codes: [Int], range: ClosedRange<Int>) {
    self.layer = layer
    let range =
      min(range.lowerBound, codes.min() ?? 0)...max(range.upperBound, codes.max() ?? 0)
    lowest = range.lowerBound
    counts = [Int](repeating: 0, count: range.count)
    for code in codes { counts[code - lowest] += 1 }
  }
}

extension QuantizedModel {
  /// The quantizers of activations, each beside what was observed, in the order of execution.
  ///
  /// - Parameter histograms: What was observed, as the model was made from it.
  public func observedRanges(_ histograms: [String: Histogram]) -> [ObservedRange] {
    var order: [String: Int] = [:]
    for name in plan.graph.inputs.map(\.name) + plan.graph.nodes.flatMap(\.outputs) {
      order[name] = order[name] ?? order.count
    }
    let names = plan.values.keys.sorted { (order[$0] ?? 0, $0) < (order[$1] ?? 0, $1) }
    let groups = Dictionary(grouping: names) { plan.values[$0]?.group ?? $0 }
    return groups.values.sorted { (order[$0[0]] ?? 0, $0[0]) < (order[$1[0]] ?? 0, $1[0]) }
      .compactMap { members in
        guard let value = plan.values[members[0]], let quantizer = value.quantizer else {
          return nil
        }
        return ObservedRange(
          values: members, quantizer: quantizer,
          method: (value.method ?? settings.activationRange).description,
          histogram: plan.histogram(of: value, histograms))
      }
  }

  /// How often each code stands for a weight, layer by layer.
  public var weightCodes: [WeightCodes] {
    weights.sorted { $0.key < $1.key }.map { number, weights in
      let levels = weights.quantizers.first?.levels ?? 2
      return WeightCodes(
        layer: plan.graph.nodes[number].label, codes: weights.codes.integers(),
        range: -(levels / 2)...(levels - 1 - levels / 2))
    }
  }
}
