import Graph
import Operations
import PostTraining
import Quantization
import Tensors

extension LayerCodes {
  /// Settles the codes of some filters: from now on they are what `weights` are now.
  ///
  /// Filters with quantizers of their own get the ones of least error, unless they have one already;
  /// filters that share one are coded by that which the whole layer has got with its first filters.
  ///
  /// - Parameters:
  ///   - filters: The filters, none of them settled.
  ///   - weights: All weights of the layer; those of the filters become their codes' values.
  ///   - bias: The layer's bias and the scale of its data, where it has a bias.
  ///   - rounding: How the weights of every group of filters are rounded where they make up for one
  ///     another's errors; `nil` gives each weight its nearest code.
  /// - Returns: What was changed to keep biases in range.
  mutating func freeze<B: Backend>(
    _ filters: [Int], of layer: QuantizedLayer, weights: inout [Float],
    bias: (values: [Float], dataScale: Float)?, rounding: [CompensatedRounding]?,
    settings: QuantizationSettings, on backend: B
  ) throws -> [String] {
    precondition(
      filters.allSatisfy { !isFrozen[$0] }, "filters of '\(layer.node.label)' are settled")
    let filterPlaces = FilterPlaces(layer)
    let places = filterPlaces.places(of: filters)
    let chosen = Tensor(places.map { weights[$0] }, shape: filterPlaces.shape(of: filters.count))
    let each = layer.quantizerCount / isFrozen.count
    var remedies: [String] = []
    let found: Tensor
    if layer.sharesQuantizer {
      if quantizers.isEmpty {
        let whole = try layer.weights.quantize(
          Tensor(weights, shape: layer.shape), bias: bias, settings: settings, on: backend)
        quantizers = whole.quantizers
        remedies = whole.remedies
      }
      found = layer.weights.codes(
        of: chosen, quantizers.compactMap { $0 }, improvements: settings.improvements)
    } else if hasQuantizers(of: filters, layer) {
      let own = filters.flatMap { quantizers[$0 * each..<($0 + 1) * each] }
      found = layer.weights.codes(
        of: chosen, own.compactMap { $0 }, improvements: settings.improvements)
    } else {
      let own = bias.flatMap { bias in
        // A bias for each filter: a transposed convolution with groups has more.
        bias.values.count == isFrozen.count
          ? (filters.map { bias.values[$0] }, bias.dataScale) : nil
      }
      let quantized = try layer.weights.quantize(
        chosen, bias: own, settings: settings, on: backend)
      remedies = quantized.remedies
      found = quantized.codes
      if quantizers.isEmpty { quantizers = .init(repeating: nil, count: each * isFrozen.count) }
      for (index, filter) in filters.enumerated() {
        for row in 0..<each {
          quantizers[filter * each + row] = quantized.quantizers[index * each + row]
        }
      }
    }
    for (place, code) in zip(places, found.array(of: Int8.self)) { codes[place] = code }
    if let rounding {
      for filter in filters {
        guard let quantizer = quantizers[layer.sharesQuantizer ? 0 : filter] else { continue }
        let own = filterPlaces.places(of: [filter])
        let group = filter * rounding.count / isFrozen.count
        let found = rounding[group].codes(of: own.map { weights[$0] }, quantizer)
        for (place, code) in zip(own, found) { codes[place] = code }
      }
    }
    for filter in filters { isFrozen[filter] = true }
    let values = self.values(of: filters, of: layer)
    for (place, value) in zip(places, values) { weights[place] = value }
    return remedies.map { "\(layer.node.label): \($0)" }
  }

  /// What the codes of `filters` stand for, in the order of ``FilterPlaces/places(of:)``.
  func values(of filters: [Int], of layer: QuantizedLayer) -> [Float] {
    let filterPlaces = FilterPlaces(layer)
    let scales = scales(of: filters, of: layer)
    return zip(filterPlaces.places(of: filters), scales).map { $1 * Float(codes[$0]) }
  }

  /// The scale of every weight of `filters`, in the same order.
  private func scales(of filters: [Int], of layer: QuantizedLayer) -> [Float] {
    if layer.sharesQuantizer {
      let scale = quantizers.first??.scale ?? 0
      return Array(repeating: scale, count: FilterPlaces(layer).places(of: filters).count)
    }
    guard let axis = layer.weights.channelAxis else { return [] }
    let each = quantizers.count / isFrozen.count
    let outer = layer.shape[..<axis].reduce(1, *)
    let inner = layer.shape[(axis + 1)...].reduce(1, *)
    // Groups count the weights of a filter in memory order.
    let size = layer.weights.groupSize ?? outer * inner
    var scales: [Float] = []
    scales.reserveCapacity(outer * inner * filters.count)
    for block in 0..<outer {
      for filter in filters {
        for place in 0..<inner {
          let row = filter * each + (block * inner + place) / size
          scales.append(quantizers[row]?.scale ?? 0)
        }
      }
    }
    return scales
  }

  /// Checks that the settled weights are their codes' values.
  ///
  /// - Throws: `GraphError` naming the layer and the filter.
  func check(_ weights: [Float], of layer: QuantizedLayer) throws(GraphError) {
    let filters = isFrozen.indices.filter { isFrozen[$0] }
    let places = FilterPlaces(layer).places(of: filters)
    for (place, value) in zip(places, values(of: filters, of: layer))
    where weights[place] != value {
      throw .invalid(
        "node '\(layer.node.label)': the weight at \(place) was settled as \(value) and has become "
          + "\(weights[place])")
    }
  }
}
