public import Graph
import Tensors

/// What the absorption of high biases has done.
public struct BiasAbsorption: Sendable {
  /// Pairs of layers, how many channels between them were lowered, and the most by which one was.
  public internal(set) var pairs: [(first: String, second: String, channels: Int, amount: Float)] =
    []
  /// Layers that were left as they are, with the reason.
  public internal(set) var skipped: [(layer: String, reason: String)] = []
  /// By what the channels of values, which layers give, were lowered.
  var amounts: [String: [Double]] = [:]

  /// What a report says.
  public var notes: [String] {
    let channels = pairs.reduce(0) { $0 + $1.channels }
    let largest = pairs.map(\.amount).max() ?? 0
    var notes = [
      "absorb: \(channels) channels between \(pairs.count) pairs of layers were lowered, by at most "
        + "\(largest)"
    ]
    for (reason, layers) in Dictionary(grouping: skipped, by: \.reason).sorted(by: {
      $0.key < $1.key
    }) {
      notes.append(
        "absorb: left as they are, \(reason): \(layers.map(\.layer).joined(separator: ", "))")
    }
    return notes
  }
}

extension Graph {
  /// The results of layers whose channels ``absorbBiases(lowest:)`` could lower.
  ///
  /// - Throws: As ``equalizeLayers()``.
  public func absorbableValues() throws -> Set<String> {
    Set(
      try equalizablePairs().pairs.filter { paddingObstacle(to: $0) == nil }
        .map { nodes[$0.first].outputs[0] })
  }

  /// Moves what channels between two layers have at least from the bias of the first to that of the
  /// second, so that the values between have smaller ranges.
  ///
  /// A channel whose elements are c > 0 or more passes Relu, LeakyRelu, PRelu and pools as it is: with
  /// `b1 - c` it gives c less, and `b2 + sum W2 c` makes up for that. A Clip cuts off at c less, by
  /// a Min with a bound for every channel. So the graph computes the same, but for the rounding of
  /// biases, for data on which no element is below c; an element x below is taken for one that is
  /// `(1 - a) min(c, c - x)` larger at most, a the slope of negative numbers.
  ///
  /// A pair is left alone where zeros lie beside the data of its second layer (padding): they would stand
  /// for c.
  ///
  /// Method: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV
  /// 2019, section 4.1.3, with c of `mean - 3 deviations` of a normalization.
  ///
  /// - Parameter lowest: For results of layers, by name, the number that (nearly) no element of a channel
  ///   is below. Layers without are left alone.
  /// - Returns: What was done.
  /// - Throws: As ``equalizeLayers()``.
  public mutating func absorbBiases(lowest: [String: [Double]]) throws -> BiasAbsorption {
    var outcome = BiasAbsorption()
    let (pairs, skipped) = try equalizablePairs()
    outcome.skipped = skipped
    var addition: [Int: Node] = [:]
    for pair in pairs {
      let (first, second) = (nodes[pair.first], nodes[pair.second])
      guard let data = dataChannels(of: pair.second) else { continue }
      if let reason = paddingObstacle(to: pair) ?? biasObstacle(of: pair.second) {
        outcome.skipped.append((first.label, reason))
        continue
      }
      guard let lowest = lowest[first.outputs[0]], lowest.count == data.count else {
        outcome.skipped.append((first.label, "nothing tells how low their channels reach"))
        continue
      }
      let caps = upperBounds(of: pair, channels: data.count)
      let amounts = zip(lowest, caps).map { Self.amount(lowest: $0, cap: $1) }
      guard amounts.contains(where: { $0 > 0 }) else { continue }
      outcome.pairs.append(
        (first.label, second.label, amounts.count { $0 > 0 }, amounts.max() ?? 0))
      outcome.amounts[first.outputs[0]] = amounts.map(Double.init)
      addToBias(of: pair.first, amounts.map { -Double($0) })
      addToBias(of: pair.second, responses(of: pair.second, to: amounts))
      bound(pair, zip(caps, amounts).map { $0 - $1 }, &addition)
    }
    add(addition)
    return outcome
  }

  /// What a channel is lowered by: no more than half of what a Clip cuts it off at.
  private static func amount(lowest: Double, cap: Float) -> Float {
    guard lowest > 0, lowest.isFinite, Float(lowest).isFinite else { return 0 }
    let amount = Float(lowest)
    return min(Double(amount) > lowest ? amount.nextDown : amount, cap / 2)
  }

  private func paddingObstacle(to pair: EqualizablePair) -> String? {
    if nodes[pair.second].isPadded { return "zeros lie beside the data of the layer behind them" }
    return pair.paddedPool.map { "\(nodes[$0].label) counts zeros beside its data" }
  }

  private func biasObstacle(of number: Int) -> String? {
    let name = nodes[number].inputs.dropFirst(2).first ?? ""
    guard !name.isEmpty else { return nil }
    let bias = initializers[name]
    let count = initializers[nodes[number].inputs[1]].flatMap {
      WeightChannels(resultsOf: nodes[number], $0)?.count
    }
    guard bias?.elementType == .float32, bias?.count == count, bias?.shape.last == count else {
      return "the bias of the layer behind them is not one constant a channel"
    }
    return nil
  }

  private func dataChannels(of number: Int) -> WeightChannels? {
    initializers[nodes[number].inputs[1]].flatMap { WeightChannels(dataOf: nodes[number], $0) }
  }

  /// What a layer's results are for data with the same number in a whole channel.
  private func responses(of number: Int, to amounts: [Float]) -> [Double] {
    guard let weights = initializers[nodes[number].inputs[1]], let data = dataChannels(of: number),
      let results = WeightChannels(resultsOf: nodes[number], weights)
    else { return [] }
    var sums = [Double](repeating: 0, count: results.count)
    for (element, weight) in weights.array(of: Float.self).enumerated() {
      sums[results.channel(of: element)] +=
        Double(weight) * Double(amounts[data.channel(of: element)])
    }
    return sums
  }

  /// Adds to the bias of a layer, which gets one where it has none.
  private mutating func addToBias(of number: Int, _ amounts: [Double]) {
    let name = nodes[number].inputs.dropFirst(2).first ?? ""
    let own = initializers[name]?.doubles ?? Array(repeating: 0, count: amounts.count)
    let sums = zip(own, amounts).map { Float($0 + $1) }
    let base = name.isEmpty ? "\(nodes[number].outputs[0])_bias" : name
    let bias = addInitializer(
      Tensor(sums, shape: initializers[name]?.shape ?? [sums.count]), "\(base)_absorbed")
    nodes[number].inputs = Array(nodes[number].inputs.prefix(2)) + [bias]
  }
}
