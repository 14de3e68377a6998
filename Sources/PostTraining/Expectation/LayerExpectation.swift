import Calibration
import Graph
import Tensors

/// What constant weights make of an expectation.
///
/// The mean of a sum is the sum of the means. For its deviation the elements of one channel that a filter
/// meets are taken to move together, since neighbours in a picture do, and channels to be
/// independent:
///
///     deviation^2 = sum_c (sum_t |w[c, t]|)^2 deviation[c]^2
///
/// Intervals assume nothing: every weight meets the end of its channel's interval that is worse. What is
/// cut off costs more than what is left unused, and networks exist whose largest values are rare and come
/// together.
struct LayerExpectation {
  private let weights: [Double]
  private let data: WeightChannels
  private let results: WeightChannels
  private let bias: [Double]?
  /// Whether zeros lie beside the data.
  private let isPadded: Bool
  private let axis: ChannelAxis

  /// `nil` for nodes that are no Conv, plain Gemm or product with one constant matrix.
  init?(_ node: Node, in index: GraphIndex) {
    guard node.inputs.count > 1, let tensor = index.constants[node.inputs[1]],
      let weights = tensor.doubles
    else { return nil }
    self.weights = weights
    // A product with a matrix is a Gemm without a bias.
    var own = node
    if own.operatorType == "MatMul" { own.operatorType = "Gemm" }
    guard let data = WeightChannels(dataOf: own, tensor),
      let results = WeightChannels(resultsOf: own, tensor)
    else { return nil }
    (self.data, self.results) = (data, results)
    axis = own.operatorType == "Conv" ? .second : .last
    isPadded = own.operatorType == "Conv" && own.isPadded
    guard node.inputs.count > 2, !node.inputs[2].isEmpty else {
      bias = nil
      return
    }
    guard let bias = index.constants[node.inputs[2]]?.doubles, bias.count == results.count else {
      return nil
    }
    self.bias = bias
  }

  /// What is expected of the results; `nil` where `expectation` has other channels.
  func results(of expectation: ValueExpectation) -> ValueExpectation? {
    guard expectation.axis == nil || expectation.axis == axis else {
      return results(of: expectation.pooled)
    }
    let x = isPadded ? expectation.containing(0) : expectation
    let sources = (0..<data.count).map { x.entry(of: $0, extent: data.count) }
    guard !sources.contains(nil) else { return nil }
    let entries = x.lower.count
    var (lower, upper) = (
      bias ?? Array(repeating: 0, count: results.count),
      bias ?? Array(repeating: 0, count: results.count)
    )
    var means = lower
    // For every result, the magnitudes of the weights that meet each entry.
    var weightsOfEntries = [[Double]](
      repeating: [Double](repeating: 0, count: entries), count: results.count)
    for (element, weight) in weights.enumerated() {
      let (result, entry) = (
        results.channel(of: element), sources[data.channel(of: element)] ?? 0
      )
      lower[result] += weight * (weight < 0 ? x.upper[entry] : x.lower[entry])
      upper[result] += weight * (weight < 0 ? x.lower[entry] : x.upper[entry])
      means[result] += weight * (x.moments?.means[entry] ?? 0)
      weightsOfEntries[result][entry] += weight.magnitude
    }
    let moments = x.moments.map { moments in
      ChannelMoments(
        means: means,
        deviations: weightsOfEntries.map { magnitudes in
          zip(magnitudes, moments.deviations).reduce(0) { $0 + $1.0 * $1.0 * $1.1 * $1.1 }
            .squareRoot()
        })
    }
    return ValueExpectation(axis: axis, lower: lower, upper: upper, moments: moments)
  }
}

extension Node {
  /// Whether a convolution or a pool has elements beside its data.
  var isPadded: Bool {
    if case .string(let mode)? = attributes["auto_pad"],
      ["SAME_UPPER", "SAME_LOWER"].contains(mode)
    {
      return true
    }
    if case .ints(let pads)? = attributes["pads"] { return pads.contains { $0 != 0 } }
    return false
  }
}
