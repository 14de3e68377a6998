package import Calibration
package import Operations
package import Quantization
package import Tensors

extension WeightPlan {
  /// Finds quantizers for the weights, symmetric unless the plan has zero points, and encodes them.
  ///
  /// - Parameters:
  ///   - weights: The float weights.
  ///   - bias: The float bias and the scale of the data, if there is an int32 bias.
  ///   - patches: Moments of the patches that the filters meet, if the scale is to be chosen by them, and
  ///     whether the bias takes the mean of the error back.
  ///   - settings: The range method, the scales allowed and the improvements.
  ///   - backend: Where least-squares searches run.
  package func quantize<B: Backend>(
    _ weights: Tensor, bias: (values: [Float], dataScale: Float)?,
    patches: (moments: PatchMoments, isCentered: Bool)? = nil, settings: QuantizationSettings,
    on backend: B
  ) throws -> QuantizedWeights {
    let axis = granularity == .tensor ? nil : channelAxis
    let rows = WeightRows(weights, axis: axis, groupSize: groupSize)
    let start = try signedQuantizers(of: rows, settings, on: backend)
    let isMirrored = start.map(\.isMirrored)
    var quantizers = start.map(\.quantizer)
    if settings.scales == .powerOfTwo {
      for row in quantizers.indices {
        quantizers[row] = quantizers[row].withPowerOfTwoScale(for: rows.row(row))
      }
    }
    var rounded = RoundedWeights(
      weights, plan: self, groupSize: groupSize,
      preservesSums: settings.improvements.contains(.squant) && channelAxis != nil,
      isMirrored: isMirrored)
    var gains: [Double]?
    if let patches {
      let choice = ScaleChoice(
        error: OutputError(patches.moments, isCentered: patches.isCentered),
        candidates: ScaleCandidates(levels: levels, scales: settings.scales),
        hasGain: settings.improvements.contains(.gain))
      (quantizers, gains) = rounded.quantizers(
        quantizers, chosenBy: choice, meetsAllGroups: meetsAllGroups)
    }
    rounded.round(quantizers)
    if settings.improvements.contains(.gain) {
      quantizers = zip(quantizers, gains ?? rounded.gains(quantizers)).map { $0.scaled(by: $1) }
    }
    var remedies: [String] = []
    if let bias, groupSize == nil {
      let check = BiasCheck(
        values: bias.values, dataScale: bias.dataScale, isPowerOfTwo: settings.scales == .powerOfTwo
      )
      let before = quantizers
      remedies = check.widen(&quantizers)
      rounded.round(quantizers, where: { quantizers[$0] != before[$0] })
    }
    return QuantizedWeights(
      codes: rounded.codes(shape: weights.shape, as: QuantizedWeights.storage(levels: levels)),
      quantizers: quantizers, isMirrored: isMirrored, axis: axis, groupSize: groupSize,
      signalToNoise: rounded.signalToNoise(quantizers), isChosenByOutputs: patches != nil,
      remedies: remedies)
  }

  /// The quantizers of rows, before anything is rounded.
  func signedQuantizers<B: Backend>(
    of rows: WeightRows, _ settings: QuantizationSettings, on backend: B
  ) throws -> [SignedQuantizer] {
    let method = settings.weightRange(levels: levels)
    if settings.mirrorsGroups, groupSize != nil, !hasZeroPoints, levels.isMultiple(of: 2) {
      return try rows.searchSigned(levels: levels, method: method, on: backend)
    }
    return try rows.search(
      levels: levels, method: method, scheme: hasZeroPoints ? .affine : .symmetric, on: backend
    ).map { SignedQuantizer(quantizer: $0) }
  }

  /// The codes of `weights` by other quantizers, whatever these were chosen by; the rest is as in `old`.
  func requantize(
    _ weights: Tensor, _ quantizers: [Quantizer], like old: QuantizedWeights,
    _ settings: QuantizationSettings
  ) -> QuantizedWeights {
    var rounded = RoundedWeights(
      weights, plan: self, groupSize: groupSize,
      preservesSums: settings.improvements.contains(.squant) && channelAxis != nil)
    rounded.round(quantizers)
    return QuantizedWeights(
      codes: rounded.codes(shape: weights.shape, as: old.codes.elementType),
      quantizers: quantizers, axis: old.axis, groupSize: old.groupSize,
      signalToNoise: rounded.signalToNoise(quantizers), isChosenByOutputs: false,
      remedies: old.remedies)
  }

  /// Encodes weights with quantizers that are settled: signed codes `q - levels / 2` in the weights'
  /// shape and the narrowest type that holds them.
  package func codes(
    of weights: Tensor, _ quantizers: [Quantizer], improvements: Set<Improvement>
  ) -> Tensor {
    var rounded = RoundedWeights(
      weights, plan: self, groupSize: groupSize,
      preservesSums: improvements.contains(.squant) && channelAxis != nil)
    rounded.round(quantizers)
    return rounded.codes(shape: weights.shape, as: QuantizedWeights.storage(levels: levels))
  }

  /// The weights of a channel that share a quantizer; `nil` for all of them.
  package var groupSize: Int? {
    if case .group(let size) = granularity, channelAxis != nil { size } else { nil }
  }
}
