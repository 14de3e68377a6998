import Glibc
import Operations
import Quantization
import Tensors

extension WeightPlan {
  /// Finds symmetric quantizers for the weights and encodes them.
  ///
  /// - Parameters:
  ///   - weights: The float weights.
  ///   - bias: The float bias and the scale of the data, if there is an int32 bias.
  ///   - settings: The range method and the scales allowed.
  ///   - backend: Where least-squares searches run.
  func quantize<B: Backend>(
    _ weights: Tensor, bias: (values: [Float], dataScale: Float)?, settings: QuantizationSettings,
    on backend: B
  ) throws -> QuantizedWeights {
    var groupSize: Int?
    if case .group(let size) = granularity, channelAxis != nil { groupSize = size }
    let axis = granularity == .tensor ? nil : channelAxis
    let rows = WeightRows(weights, axis: axis, groupSize: groupSize)
    var quantizers = try rows.search(
      levels: levels, method: settings.weights.range, on: backend)
    if settings.scales == .powerOfTwo {
      for row in quantizers.indices {
        quantizers[row] = quantizers[row].withPowerOfTwoScale(
          for: rows.row(row))
      }
    }
    var remedies: [String] = []
    if let bias, groupSize == nil {
      let check = BiasCheck(
        values: bias.values, dataScale: bias.dataScale, isPowerOfTwo: settings.scales == .powerOfTwo
      )
      remedies = check.widen(&quantizers)
    }
    return rows.encode(
      shape: weights.shape, levels: levels, quantizers: quantizers, axis: axis,
      groupSize: groupSize, remedies: remedies)
  }
}

extension WeightRows {
  /// The symmetric quantizer of every row.
  func search<B: Backend>(
    levels: Int, method: RangeMethod, on backend: B
  ) throws -> [Quantizer] {
    switch method {
    case .minmax:
      return (0..<count).map { row in
        withRow(row) { Quantizer(spanning: $0, levels: levels, scheme: .symmetric) }
      }
    case .percentile, .entropy:
      return (0..<count).map { row in
        Quantization.quantizer(
          from: Histogram(self.row(row)), method: method, levels: levels, scheme: .symmetric)
      }
    case .mse:
      guard isRectangular, count > 0 else {
        return try (0..<count).flatMap { row in
          let one = self.row(row)
          return try backend.searchQuantizers(
            rows: backend.upload(Tensor(one, shape: [1, one.count])), levels: levels,
            scheme: .symmetric
          ).map(\.quantizer)
        }
      }
      let table = values.reshaped(to: [count, values.count / count])
      return try backend.searchQuantizers(
        rows: backend.upload(table), levels: levels, scheme: .symmetric
      ).map(\.quantizer)
    }
  }

  /// Codes and their error.
  func encode(
    shape: [Int], levels: Int, quantizers: [Quantizer], axis: Int?, groupSize: Int?,
    remedies: [String]
  ) -> QuantizedWeights {
    // Rows on all cores; their sums are added in order, so that the result does not depend on it.
    var sums = [(signal: Double, noise: Double)](repeating: (0, 0), count: count)
    let inOrder = Tensor(shape: shape, as: QuantizedWeights.storage(levels: levels)) {
      (codes: UnsafeMutableBufferPointer<Int8>) in
      sums.withUnsafeMutableBufferPointer { sums in
        concurrently(count) { row in
          sums[row] = withRow(row) {
            quantizers[row].encode(
              $0, into: UnsafeMutableBufferPointer(rebasing: codes[range(row)]))
          }
        }
      }
    }
    let signal = sums.reduce(0) { $0 + $1.signal }
    let noise = sums.reduce(0) { $0 + $1.noise }
    return QuantizedWeights(
      codes: moved(inOrder),
      quantizers: quantizers, axis: axis, groupSize: groupSize,
      signalToNoise: noise == 0 ? .infinity : 10 * log10(signal / noise), remedies: remedies)
  }

  /// Codes in the order of rows, brought to the places of the weights.
  private func moved(_ codes: Tensor) -> Tensor {
    guard let places else { return codes }
    return codes.withElements(of: Int8.self) { from in
      Tensor(shape: codes.shape, as: codes.elementType) {
        (to: UnsafeMutableBufferPointer<Int8>) in
        for position in from.indices { to[places[position]] = from[position] }
      }
    }
  }
}
