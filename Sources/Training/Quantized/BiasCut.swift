import Graph
import Quantization
import Tensors

/// What an accumulator's width takes from the biases of a layer.
struct BiasCut: Sendable, CustomStringConvertible {
  /// The layer's node.
  let layer: String
  /// The accumulator's width.
  let bits: Int
  /// The filters with a bias for which the accumulator has no room.
  let filters: [Int]
  /// The number of all filters.
  let filterCount: Int
  /// Where most is taken: the filter, its bias's code as it was trained and as it is computed with.
  let largest: (filter: Int, from: Int, to: Int)

  /// The codes of a layer's biases before and after they are bounded; `nil` where all stay.
  init?(_ layer: String, bits: Int, from before: [Int], to after: [Int]) {
    filters = before.indices.filter { before[$0] != after[$0] }
    let largest = filters.max {
      abs(before[$0] - after[$0]) < abs(before[$1] - after[$1])
    }
    guard let largest else { return nil }
    self.layer = layer
    self.bits = bits
    filterCount = before.count
    self.largest = (largest, before[largest], after[largest])
  }

  var description: String {
    "\(layer): accumulators of \(bits) bits have no room for the biases of \(filters.count) of "
      + "\(filterCount) filters, which are cut by at most \(abs(largest.from - largest.to)) codes "
      + "(filter \(largest.filter): \(largest.from) to \(largest.to))"
  }
}

extension QuantizedNetwork {
  /// What has become of the biases of `graph` in `bounded`, layer by layer.
  func biasCuts(
    from graph: Graph, to bounded: Graph, _ state: QuantizationState
  ) -> [BiasCut] {
    guard let accumulator = settings.accumulator else { return [] }
    return layers.enumerated().compactMap { place, layer in
      let quantizers = state.weights[place].quantizers
      guard let before = state.bias(of: layer, in: graph), !quantizers.isEmpty,
        let after = state.bias(of: layer, in: bounded)
      else { return nil }
      func codes(_ biases: [Float]) -> [Int] {
        biases.enumerated().map { filter, value in
          quantizers[layer.sharesQuantizer ? 0 : filter].map {
            AccumulatorBound.biasCode(
              value, dataScale: before.dataScale, weightScale: $0.scale)
          } ?? 0
        }
      }
      return BiasCut(
        layer.node.label, bits: accumulator.bits, from: codes(before.values),
        to: codes(after.values))
    }
  }
}

extension QuantizedSession {
  /// What the accumulators' width takes from biases as they are by now.
  func biasCuts() throws -> [BiasCut] {
    guard network.settings.accumulator != nil, current != nil else { return [] }
    let now = try now()
    let (graph, state) = network.folded(now.state, now.tensors)
    return try network.biasCuts(from: graph, to: network.bounded(graph, state), state)
  }
}
