import Graph
import PostTraining
import Quantization
import Tensors

// Scales and settled codes of weights that keep an accumulator within a width.

extension QuantizedSession {
  /// What keeps the accumulators of every layer within the width that the settings name, as far as the
  /// quantizers of their data are known; empty where they name none.
  public var layerBounds: [LayerBound] {
    get throws {
      try network.layers.indices.compactMap { place in
        try network.bound(of: place, state.plan).map {
          LayerBound(layer: network.layers[place].node.label, bound: $0)
        }
      }
    }
  }

  /// The quantizers of a layer, with scales that suit bounded codes.
  func bounded(
    _ quantizers: [Quantizer], of place: Int, in graph: Graph
  ) throws -> [Quantizer] {
    guard let bound = try network.bound(of: place, state.plan) else { return quantizers }
    let search = scaleSearch(of: place, bound, in: graph)
    let all = Array(0..<network.layers[place].filterCount)
    return quantizers.enumerated().map { row, quantizer in
      search.quantizer(quantizer, of: quantizers.count == 1 ? all : [row])
    }
  }

  private func scaleSearch(
    of place: Int, _ bound: AccumulatorBound, in graph: Graph
  ) -> BoundedScaleSearch {
    let layer = network.layers[place]
    return BoundedScaleSearch(
      bound: bound, layer: layer, weights: graph.weights(of: layer).array(of: Float.self),
      bias: state.bias(of: layer, in: graph),
      isPowerOfTwo: network.settings.quantization.scales == .powerOfTwo)
  }

  /// Gives filters that have just been settled bounded codes.
  ///
  /// - Parameters:
  ///   - filters: The filters, settled by their nearest codes.
  ///   - place: Their layer's place.
  ///   - isKnown: Whether their quantizers were there before, as those of weights are that are coded in
  ///     every step.
  ///   - weights: All weights of the layer; those of the filters become their codes' values.
  ///   - graph: The graph with the weights before.
  mutating func bound(
    _ filters: [Int], of place: Int, isKnown: Bool, _ weights: inout [Float], in graph: Graph
  ) throws {
    guard let bound = try network.bound(of: place, state.plan) else { return }
    let layer = network.layers[place]
    if !isKnown {
      let search = scaleSearch(of: place, bound, in: graph)
      for row in layer.sharesQuantizer ? [0] : filters {
        let own = layer.sharesQuantizer ? Array(0..<layer.filterCount) : [row]
        state.weights[place].quantizers[row] = state.weights[place].quantizers[row].map {
          search.quantizer($0, of: own)
        }
      }
    }
    let codes = network.boundedCodes(
      bound, of: filters, layer: layer, weights: graph.weights(of: layer).array(of: Float.self),
      bias: state.bias(of: layer, in: graph), state.weights[place].quantizers)
    let places = FilterPlaces(layer).places(of: filters)
    for (index, code) in zip(places, codes) { state.weights[place].codes[index] = code }
    let values = state.weights[place].values(of: filters, of: layer)
    for (index, value) in zip(places, values) { weights[index] = value }
  }
}

/// Finds a larger scale where codes of a smaller one lose more to the bound than to rounding.
struct BoundedScaleSearch {
  let bound: AccumulatorBound
  let layer: QuantizedLayer
  /// All weights of the layer.
  let weights: [Float]
  /// The layer's biases and the scale of its data, where it has biases.
  let bias: (values: [Float], dataScale: Float)?
  /// Whether scales must stay powers of two.
  let isPowerOfTwo: Bool

  /// Scales up to this many times the one that was found are tried.
  private static let reach = 32

  /// `quantizer`, or the one of the least squared error among eight an octave that are coarser. There is
  /// none beyond the first that the bound does not bind.
  func quantizer(_ quantizer: Quantizer, of filters: [Int]) -> Quantizer {
    let places = FilterPlaces(layer)
    let own = filters.map { filter in places.places(of: [filter]).map { weights[$0] } }
    var best = (error: Double.infinity, quantizer)
    let steps = isPowerOfTwo ? 1 : 8
    for step in 0...Self.reach.trailingZeroBitCount * steps {
      let factor = Self.power(step, of: steps)
      let scale = quantizer.scale * factor
      guard scale <= Quantizer.scaleRange.upperBound else { break }
      let (error, isBound) = error(of: scale, own, filters)
      if error < best.error {
        best = (
          error,
          Quantizer(scale: scale, zeroPoint: quantizer.zeroPoint, levels: quantizer.levels)
        )
      }
      guard isBound else { break }
    }
    return best.1
  }

  /// `2^(step / steps)`; whole powers are exact.
  private static func power(_ step: Int, of steps: Int) -> Float {
    // 2^(1/8) and its powers below 2.
    let root = 1.0905077326652577
    let rest = (0..<step % steps).reduce(1.0) { product, _ in product * root }
    return Float(rest * Double(1 << (step / steps)))
  }

  private func error(
    of scale: Float, _ own: [[Float]], _ filters: [Int]
  ) -> (sum: Double, isBound: Bool) {
    var (sum, isBound) = (0.0, false)
    for (filter, weights) in zip(filters, own) {
      let code =
        bias.map {
          AccumulatorBound.biasCode(
            $0.values[filter], dataScale: $0.dataScale, weightScale: scale)
        } ?? 0
      let found = bound.filter(weights, scale: scale, levels: layer.weights.levels, bias: code)
      isBound = isBound || found.isBound
      for (weight, code) in zip(found.rounded, found.codes) {
        let difference = Double(weight) - Double(scale) * Double(code)
        sum += difference * difference
      }
    }
    return (sum, isBound)
  }
}
