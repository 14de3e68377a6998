import Glibc
public import Graph
public import Quantization
import Tensors

extension Graph {
  /// What makes it doubtful that data were prepared as the model wants them, judged by what the model
  /// says of its training data itself; one message each.
  ///
  /// - Parameter histograms: What was observed of the model's values, by name.
  /// - Returns: Nothing where the model says nothing, which is not praise.
  public func calibrationDoubts(_ histograms: [String: Histogram]) -> [String] {
    var graph = self
    graph.moveConstantNodes()
    guard let nodes = try? graph.sortedNodes() else { return [] }
    graph.nodes = nodes
    let index = GraphIndex(graph)
    return graph.inputs.compactMap { index.doubtAboutScale(of: $0.name, histograms) }
      + [
        index.doubtAboutNormalization(histograms), index.doubtAboutFirstLayer(histograms),
        index.doubtAboutFirstBiases(histograms),
      ]
      .compactMap(\.self)
  }
}

extension GraphIndex {
  /// A model that scales its input does it to bring the numbers to the order of one. Sixteen times
  /// more or less means that the scale was applied twice, or not at all.
  fileprivate func doubtAboutScale(
    of input: String, _ histograms: [String: Histogram]
  ) -> String? {
    var value = input
    var seen = histograms[value]
    // What follows of what was seen last: x * factor + shift.
    var (factor, shift) = (1.0, 0.0)
    var scales = false
    while let reader = onlyReader(of: value) {
      let node = nodes[reader]
      let constant = node.inputs.lazy.compactMap { constants[$0]?.mean }.first
      switch (node.operatorType, constant, node.inputs.first == value) {
      case ("Transpose", _, true), ("Reshape", _, true), ("Identity", _, true), ("Cast", _, true):
        break
      case ("Mul", let number?, _):
        (factor, shift, scales) = (factor * number, shift * number, true)
      case ("Div", let number?, true) where number != 0:
        (factor, shift, scales) = (factor / number, shift / number, true)
      case ("Add", let number?, _): shift += number
      case ("Sub", let number?, true): shift -= number
      default: return scales ? message(of: input, seen, factor, shift) : nil
      }
      value = node.outputs[0]
      if let histogram = histograms[value] { (seen, factor, shift) = (histogram, 1, 0) }
    }
    return nil
  }

  private func message(
    of input: String, _ seen: Histogram?, _ factor: Double, _ shift: Double
  ) -> String? {
    guard let low = seen?.minimum, let high = seen?.maximum else { return nil }
    let ends = [low, high].map { Double($0) * factor + shift }
    let reach = ends.map(abs).max() ?? 0
    guard reach < 1 / 16 || reach > 16 else { return nil }
    return
      "the model scales its input '\(input)' itself, which should bring it to the order of one; "
      + "these data come to \(rounded(ends.min() ?? 0))...\(rounded(ends.max() ?? 0)): is their scale= "
      + "the one of training?"
  }

  /// A normalization keeps mean and variance of its training data; what it gives then has, in channel
  /// c, the mean `shift[c]` and the variance `scale[c]^2`. Data of the same kind come near to that;
  /// twice or half of it in the root mean square is another preparation.
  fileprivate func doubtAboutNormalization(_ histograms: [String: Histogram]) -> String? {
    guard
      let node = nodes.first(where: {
        $0.operatorType == "BatchNormalization" && $0.domain.isEmpty
      }), node.inputs.count == 5, let scale = constants[node.inputs[1]]?.doubles,
      let shift = constants[node.inputs[2]]?.doubles, scale.count == shift.count, !scale.isEmpty
    else { return nil }
    var value = node.outputs[0]
    var bounds = -Float.infinity...Float.infinity
    while histograms[value] == nil {
      guard let reader = onlyReader(of: value), let own = clippingBounds(of: nodes[reader]) else {
        return nil
      }
      bounds = bounds.clamped(to: own)
      value = nodes[reader].outputs[0]
    }
    guard let histogram = histograms[value], histogram.finiteCount > 0 else { return nil }
    let squares = zip(scale, shift).map { Self.meanSquare(mean: $1, deviation: $0, bounds) }
    let expected = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    let found = histogram.meanSquare.squareRoot()
    guard expected > 0, !(expected / 2...expected * 2).contains(found) else { return nil }
    return
      "the first normalization '\(node.label)' expects its training data to give '\(value)' a root "
      + "mean square of \(rounded(expected)); these data give \(rounded(found)): are they prepared as "
      + "in training (scale=, mean=, std=, channels=)?"
  }

  /// The mean square of normally distributed numbers that are clipped to `bounds`, by the midpoint
  /// rule over six deviations.
  private static func meanSquare(
    mean: Double, deviation: Double, _ bounds: ClosedRange<Float>
  ) -> Double {
    let steps = 240
    var (sum, weights) = (0.0, 0.0)
    for step in 0..<steps {
      let z = (Double(step) + 0.5) / Double(steps) * 12 - 6
      let weight = exp(-z * z / 2)
      let x = min(
        max(mean + deviation * z, Double(bounds.lowerBound)), Double(bounds.upperBound))
      sum += weight * x * x
      weights += weight
    }
    return sum / weights
  }

  /// A first layer whose rectifier gives nothing but zeros sees other numbers than it was trained on.
  fileprivate func doubtAboutFirstLayer(_ histograms: [String: Histogram]) -> String? {
    guard
      let first = nodes.first(where: { ["Conv", "Gemm", "MatMul"].contains($0.operatorType) })
    else { return nil }
    var value = first.outputs[0]
    while histograms[value] == nil {
      guard let reader = onlyReader(of: value),
        ["Add", "BatchNormalization", "Relu", "Clip"].contains(nodes[reader].operatorType)
      else { return nil }
      value = nodes[reader].outputs[0]
    }
    guard let histogram = histograms[value], histogram.finiteCount > 0 else { return nil }
    let zeros = Double(histogram.zeros) / Double(histogram.finiteCount)
    guard zeros > 0.99 else { return nil }
    return
      "\(rounded(100 * zeros)) % of what the first layer '\(first.label)' gives is 0: are the data "
      + "prepared as in training?"
  }

  /// What a first layer makes of its data is of the order of its biases or more: from a sixth to 800 times
  /// in ten trained networks. Less than a 32nd part hardly moves its outputs. (That it is very much
  /// tells nothing: biases of networks that are trained on 0...255 are as small beside it.)
  fileprivate func doubtAboutFirstBiases(_ histograms: [String: Histogram]) -> String? {
    guard let node = nodes.first(where: { ["Conv", "Gemm"].contains($0.operatorType) }),
      node.inputs.count == 3, let histogram = histograms[node.inputs[0]],
      histogram.finiteCount > 0, histogram.meanSquare > 0,
      let weights = constants[node.inputs[1]]?.doubles,
      let biases = constants[node.inputs[2]]?.doubles, !biases.isEmpty
    else { return nil }
    func meanSquare(_ values: [Double]) -> Double {
      values.reduce(0) { $0 + $1 * $1 } / Double(biases.count)
    }
    // Of values that are independent; those of images are not, and reach the root of their number times that.
    let reach = (histogram.meanSquare * meanSquare(weights)).squareRoot()
    let size = meanSquare(biases).squareRoot()
    guard reach > 0, reach < size / 32 else { return nil }
    return
      "what the first layer '\(node.label)' makes of these data is of the size \(rounded(reach)), its "
      + "biases are of the size \(rounded(size)): all samples look alike to it; is scale= the one of training?"
  }
}

extension Tensor {
  /// The mean of the elements of a `float32` constant.
  fileprivate var mean: Double? {
    guard let doubles, !doubles.isEmpty else { return nil }
    return doubles.reduce(0, +) / Double(doubles.count)
  }
}

/// Three significant digits.
private func rounded(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return "\(value)" }
  let power = pow(10, 2 - floor(log10(abs(value))))
  return "\(Float((value * power).rounded() / power))"
}
