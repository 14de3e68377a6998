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
          for: Array(rows.values[rows.range(row)]))
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
    guard case .mse = method else {
      return (0..<count).map { row in
        Quantization.quantizer(
          from: Histogram(values[range(row)]), method: method, levels: levels, scheme: .symmetric)
      }
    }
    if isRectangular, count > 0 {
      let table = Tensor(values, shape: [count, values.count / count])
      return try backend.searchQuantizers(
        rows: backend.upload(table), levels: levels, scheme: .symmetric
      ).map(\.quantizer)
    }
    return try (0..<count).flatMap { row in
      let one = Array(values[range(row)])
      return try backend.searchQuantizers(
        rows: backend.upload(Tensor(one, shape: [1, one.count])), levels: levels, scheme: .symmetric
      ).map(\.quantizer)
    }
  }

  /// Codes and their error.
  func encode(
    shape: [Int], levels: Int, quantizers: [Quantizer], axis: Int?, groupSize: Int?,
    remedies: [String]
  ) -> QuantizedWeights {
    var codes = [Int8](repeating: 0, count: values.count)
    var signal = 0.0
    var noise = 0.0
    for row in 0..<count {
      let quantizer = quantizers[row]
      for position in range(row) {
        let code = quantizer.code(of: values[position])
        codes[places[position]] = Int8(code - quantizer.zeroPoint)
        let value = Double(values[position])
        let error = value - Double(quantizer.value(of: code))
        signal += value * value
        noise += error * error
      }
    }
    return QuantizedWeights(
      codes: Tensor(codes, shape: shape, as: QuantizedWeights.storage(levels: levels)),
      quantizers: quantizers, axis: axis, groupSize: groupSize,
      signalToNoise: noise == 0 ? .infinity : 10 * log10(signal / noise), remedies: remedies)
  }
}
