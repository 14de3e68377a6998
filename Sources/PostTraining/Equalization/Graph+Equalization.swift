import Glibc
public import Graph
import Tensors

/// What cross-layer equalization has done.
public struct Equalization: Sendable {
  /// Pairs of layers, and the largest factor by which a channel between them was scaled, up or down.
  public internal(set) var pairs: [(first: String, second: String, factor: Float)] = []
  /// Layers that were left as they are, with the reason.
  public internal(set) var skipped: [(layer: String, reason: String)] = []
  /// By what the channels of values, which layers give, were divided.
  var divisors: [String: [Float]] = [:]

  /// What a report says.
  public var notes: [String] {
    let largest = pairs.map(\.factor).max() ?? 1
    var notes = [
      "cle: channels between \(pairs.count) pairs of layers were scaled, by at most \(largest) up or down"
    ]
    for (reason, layers) in Dictionary(grouping: skipped, by: \.reason).sorted(by: {
      $0.key < $1.key
    }) {
      notes.append(
        "cle: left as they are, \(reason): \(layers.map(\.layer).joined(separator: ", "))")
    }
    return notes
  }
}

extension Graph {
  /// Scales channels between pairs of layers so that the weights of all channels have similar ranges: what
  /// one scale for all weights of a layer needs.
  ///
  /// A channel that only one layer reads, through operators that give s times as much for s times their
  /// data (Relu, LeakyRelu, PRelu, pools), can have `1 / s` of the weights and of the bias that make it and
  /// `s` of those that read it. With the largest magnitudes `a` and `b` of these, `s = sqrt(a / b)`
  /// makes both `sqrt(a b)`. Pairs are done in turns until nothing moves. A Clip between them whose
  /// upper bound is finite is followed by a Min with a bound for every channel.
  ///
  /// Departing from the source, the scales of a pair are divided by their geometric mean, then cut to
  /// 1/8...8, since what is scaled up a lot widens the range of all activations, and rounded to powers of
  /// two, after which their mean need not be 1: so that the graph gives the same floats, bit for bit, as
  /// long as none leaves the range of normal numbers.
  ///
  /// Method: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV
  /// 2019, section 4.1. High biases are absorbed by ``absorbBiases(lowest:)``.
  ///
  /// - Returns: What was done.
  /// - Throws: `GraphError` for weights and biases of pairs that are not finite.
  public mutating func equalizeLayers() throws -> Equalization {
    var outcome = Equalization()
    let (pairs, skipped) = try equalizablePairs()
    outcome.skipped = skipped
    let exponents = balancedExponents(pairs)
    var addition: [Int: Node] = [:]
    for (pair, exponents) in zip(pairs, exponents) {
      let scales = exponents.map { Float(sign: .plus, exponent: $0, significand: 1) }
      let largest = exponents.map { abs($0) }.max() ?? 0
      outcome.pairs.append(
        (
          nodes[pair.first].label, nodes[pair.second].label,
          Float(sign: .plus, exponent: largest, significand: 1)
        ))
      guard exponents.contains(where: { $0 != 0 }) else { continue }
      scale(pair, scales)
      outcome.divisors[nodes[pair.first].outputs[0]] = scales
      let caps = upperBounds(of: pair, channels: scales.count)
      bound(pair, zip(caps, scales).map { $0 / $1 }, &addition)
    }
    add(addition)
    return outcome
  }

  /// Puts nodes behind others, and removes what nothing reads any more.
  mutating func add(_ addition: [Int: Node]) {
    nodes = nodes.enumerated().flatMap { number, node in
      [node] + (addition[number].map { [$0] } ?? [])
    }
    removeDeadNodes()
  }

  /// All pairs, and layers without one with the reason.
  ///
  /// - Throws: `GraphError` for weights and biases of pairs that are not finite.
  func equalizablePairs() throws -> (
    pairs: [EqualizablePair], skipped: [(layer: String, reason: String)]
  ) {
    let index = GraphIndex(self)
    var pairs: [EqualizablePair] = []
    var skipped: [(layer: String, reason: String)] = []
    for (number, node) in nodes.enumerated() {
      guard node.isStandard, node.inputs.count > 1, let weights = initializers[node.inputs[1]],
        weights.elementType == .float32, WeightChannels(resultsOf: node, weights) != nil
      else { continue }
      do throws(EqualizablePair.Obstacle) {
        pairs.append(try fitting(EqualizablePair(from: number, in: index), index))
      } catch {
        skipped.append((node.label, error.reason))
      }
    }
    for number in Set(pairs.flatMap { [$0.first, $0.second] }).sorted() {
      try index.requireFinite(nodes[number].inputs.dropFirst().map { $0 }, of: number)
    }
    return (pairs, skipped)
  }

  /// The pair where its layers agree about the number of channels.
  private func fitting(
    _ pair: EqualizablePair, _ index: GraphIndex
  ) throws(EqualizablePair.Obstacle) -> EqualizablePair {
    guard results(of: pair.first)?.count == data(of: pair.second)?.count else {
      throw EqualizablePair.Obstacle(reason: "the layer behind them has other channels")
    }
    let bias = nodes[pair.first].inputs.dropFirst(2).first ?? ""
    guard !bias.isEmpty else { return pair }
    guard let tensor = initializers[bias], tensor.elementType == .float32,
      tensor.count == results(of: pair.first)?.count, tensor.shape.last == tensor.count
    else { throw EqualizablePair.Obstacle(reason: "their bias is not one constant a channel") }
    return pair
  }

  private func results(of number: Int) -> WeightChannels? {
    initializers[nodes[number].inputs[1]].flatMap { WeightChannels(resultsOf: nodes[number], $0) }
  }

  private func data(of number: Int) -> WeightChannels? {
    initializers[nodes[number].inputs[1]].flatMap { WeightChannels(dataOf: nodes[number], $0) }
  }

  /// For every pair and channel the logarithm of s to the base 2.
  private func balancedExponents(_ pairs: [EqualizablePair]) -> [[Int]] {
    var weights: [Int: [Double]] = [:]
    for number in pairs.flatMap({ [$0.first, $0.second] }) {
      weights[number] = initializers[nodes[number].inputs[1]]?.doubles
    }
    var logarithms = pairs.map { [Double](repeating: 0, count: results(of: $0.first)?.count ?? 0) }
    for _ in 0..<Self.turns {
      for (place, pair) in pairs.enumerated() {
        guard let results = results(of: pair.first), let data = data(of: pair.second),
          let first = weights[pair.first], let second = weights[pair.second]
        else { continue }
        let ratios = zip(
          Self.floored(results.magnitudes(first)), Self.floored(data.magnitudes(second))
        )
        .map { log2($0 / $1) / 2 }
        var next = zip(logarithms[place], ratios).map(+)
        let mean = next.reduce(0, +) / Double(max(next.count, 1))
        next = next.map { min(max($0 - mean, -Self.limit), Self.limit) }
        let factors = zip(next, logarithms[place]).map { exp2($0 - $1) }
        results.scale(&weights[pair.first, default: []], by: factors.map { 1 / $0 })
        data.scale(&weights[pair.second, default: []], by: factors)
        logarithms[place] = next
      }
    }
    return logarithms.map { $0.map { Int($0.rounded(.toNearestOrEven)) } }
  }

  /// Turns over all pairs: along a chain of layers, what one has decided reaches the others by and by.
  private static var turns: Int { 20 }
  /// The largest magnitude of a logarithm.
  private static var limit: Double { 3 }

  /// Ranges, none of them below 2^-13 of the largest: next to nothing counts as that.
  private static func floored(_ magnitudes: [Double]) -> [Double] {
    let floor = (magnitudes.max() ?? 0) * 0x1p-13
    return magnitudes.map { floor > 0 ? max($0, floor) : 1 }
  }

  private mutating func scale(_ pair: EqualizablePair, _ scales: [Float]) {
    let names = (nodes[pair.first].inputs[1], nodes[pair.second].inputs[1])
    if let channels = results(of: pair.first), let weights = initializers[names.0] {
      let values = weights.array(of: Float.self).enumerated().map {
        $1 / scales[channels.channel(of: $0)]
      }
      nodes[pair.first].inputs[1] = addInitializer(
        Tensor(values, shape: weights.shape), "\(names.0)_equalized")
    }
    if nodes[pair.first].inputs.count > 2, let bias = initializers[nodes[pair.first].inputs[2]] {
      let values = zip(bias.array(of: Float.self), scales).map { $0 / $1 }
      nodes[pair.first].inputs[2] = addInitializer(
        Tensor(values, shape: bias.shape), "\(nodes[pair.first].inputs[2])_equalized")
    }
    // Behind the first: with one node for both, its weights have a new name by now.
    let name = nodes[pair.second].inputs[1]
    if let channels = data(of: pair.second), let weights = initializers[name] {
      let values = weights.array(of: Float.self).enumerated().map {
        $1 * scales[channels.channel(of: $0)]
      }
      nodes[pair.second].inputs[1] = addInitializer(
        Tensor(values, shape: weights.shape), "\(name)_equalized")
    }
  }

  /// Where the Clip of a pair cuts every channel off; infinity without one.
  func upperBounds(of pair: EqualizablePair, channels: Int) -> [Float] {
    let bounds = pair.clip.flatMap { GraphIndex(self).clippingBounds(of: nodes[$0]) }
    let all = bounds?.upperBound ?? .infinity
    if let limit = pair.limit, let limits = initializers[nodes[limit].inputs[1]] {
      return limits.array(of: Float.self).map { min($0, all) }
    }
    return [Float](repeating: all, count: channels)
  }

  /// Widens the upper bound of the Clip of a pair to the largest that a channel needs, and lets a Min, in
  /// `addition` where it is new, cut the others off.
  mutating func bound(_ pair: EqualizablePair, _ caps: [Float], _ addition: inout [Int: Node]) {
    guard let clip = pair.clip else { return }
    let node = nodes[clip]
    let bounds = GraphIndex(self).clippingBounds(of: node) ?? 0...Float.infinity
    let output = node.outputs[0]
    let spatial = max((initializers[nodes[pair.first].inputs[1]]?.rank ?? 2) - 2, 0)
    let lower =
      bounds.lowerBound == 0 ? addInitializer(Tensor(scalar: Float(0)), "\(output)_lower") : ""
    let upper = addInitializer(
      Tensor(scalar: caps.max() ?? bounds.upperBound), "\(output)_upper")
    let limits = addInitializer(
      Tensor(caps, shape: [caps.count] + Array(repeating: 1, count: spatial)), "\(output)_limits")
    nodes[clip].inputs = [node.inputs[0], lower, upper]
    nodes[clip].attributes = [:]
    guard pair.limit == nil else {
      nodes[pair.limit ?? clip].inputs[1] = limits
      return
    }
    let cut = freeName("\(output)_cut")
    nodes[clip].outputs = [cut]
    addition[clip] = Node(
      name: node.name.isEmpty ? "" : "\(node.name)_limits", "Min", inputs: [cut, limits],
      outputs: [output])
  }
}
