import Glibc
import Operations
import Quantization
import Tensors

/// Gives the weights of a layer quantizers and codes by ``SecondOrderRounding``.
struct SecondOrderWeights {
  private let rows: WeightRows
  private let roundings: [SecondOrderRounding]
  /// The weights in the order of ``rows``.
  private let values: [[Double]]

  /// - Parameters:
  ///   - weights: The weights that codes are to stand for.
  ///   - axis: Their axis of output channels.
  ///   - moments: What filters meet.
  init(_ weights: Tensor, axis: Int, _ moments: FilterMoments) {
    let rows = WeightRows(weights, axis: axis)
    self.rows = rows
    values = (0..<rows.count).map { rows.row($0).map(Double.init) }
    var roundings = [SecondOrderRounding?](repeating: nil, count: moments.groups.count)
    roundings.withUnsafeMutableBufferPointer { roundings in
      concurrently(moments.groups.count) {
        roundings[$0] = SecondOrderRounding(moments.groups[$0])
      }
    }
    self.roundings = roundings.compactMap { $0 }
  }

  /// A filter with its codes, and products of what these (q) and the weights (w) give in outputs.
  struct Row {
    var codes: [Int8]
    var quantizer: Quantizer
    /// `E |q - w|^2`, `E q w` and `E w^2` of outputs.
    var error: Double
    var product: Double
    var power: Double
  }

  /// Every filter with the best of its own candidates, the first of equals.
  func best(_ candidates: (Int) -> [Quantizer]) -> [Row] {
    let lists = (0..<rows.count).map(candidates)
    var found = [Row?](repeating: nil, count: rows.count)
    found.withUnsafeMutableBufferPointer { found in
      concurrently(rows.count) { row in
        for quantizer in lists[row] {
          let new = self.row(row, quantizer)
          if found[row].map({ new.error < $0.error }) ?? true { found[row] = new }
        }
      }
    }
    return found.compactMap { $0 }
  }

  /// All filters with the one of some quantizers that leaves the least error in all outputs.
  func bestShared(_ candidates: [Quantizer]) -> [Row] {
    var chosen: [Row] = []
    var least = Double.infinity
    for quantizer in candidates {
      let found = best { _ in [quantizer] }
      let error = found.reduce(0) { $0 + $1.error }
      if chosen.isEmpty || error < least { (chosen, least) = (found, error) }
    }
    return chosen
  }

  /// Filter `number` by a quantizer.
  func row(_ number: Int, _ quantizer: Quantizer) -> Row {
    let rounding = rounding(of: number)
    let weights = weights(of: number)
    let codes = rounding.codes(of: weights, quantizer)
    let scale = Double(quantizer.scale)
    let errors = zip(codes, weights).map { scale * Double($0) - $1 }
    let power = rounding.product(weights, weights)
    let cross = rounding.product(errors, weights)
    return Row(
      codes: codes, quantizer: quantizer, error: rounding.product(errors, errors),
      product: power + cross, power: power)
  }

  /// The number of filters.
  var rowCount: Int { rows.count }

  /// How the filter of a number is rounded.
  func rounding(of row: Int) -> SecondOrderRounding {
    roundings[row / (rows.count / roundings.count)]
  }

  /// The weights of the filter of a number.
  func weights(of row: Int) -> [Double] { values[row] }

  /// The codes of filters in the places of the weights.
  func codes(_ found: [Row], shape: [Int], as elementType: ElementType) -> Tensor {
    rows.inPlace(found.flatMap(\.codes), shape: shape, as: elementType)
  }

  /// Mean squared weight over mean squared error of filters with their final quantizers, in decibels.
  func signalToNoise(_ found: [Row], _ quantizers: [Quantizer]) -> Double {
    var moments = RowMoments()
    for (number, row) in found.enumerated() {
      let quantizer = quantizers[quantizers.count == 1 ? 0 : number]
      let own = row.codes.withUnsafeBufferPointer { codes in
        rows.withRow(number) { RowMoments(of: $0, codes: codes, quantizer) }
      }
      moments.power += own.power
      moments.noise += own.noise
    }
    return moments.noise == 0 ? .infinity : 10 * log10(moments.power / moments.noise)
  }
}

extension WeightPlan {
  /// Whether moments of patches tell what every filter meets, weight by weight.
  var takesSecondOrder: Bool { secondOrderObstacle == nil }

  /// Why they do not; `nil` where they do.
  var secondOrderObstacle: String? {
    if channelAxis == nil { return "its weights are a stack of matrices" }
    if meetsAllGroups { return "filters of a transposed convolution meet no patches" }
    return patches == nil ? "what its filters meet does not follow from its attributes" : nil
  }

  /// Why they do not say how weights are fitted to data of now; `nil` where they do.
  var sequentialObstacle: String? {
    secondOrderObstacle ?? (groupSize != nil ? "its weights have scales in groups" : nil)
  }

  /// Finds quantizers for the weights and rounds them by second moments.
  ///
  /// - Parameters:
  ///   - weights: The weights that codes are to stand for.
  ///   - bias: The float bias and the scale of the data, if there is an int32 bias.
  ///   - moments: What the filters meet.
  func quantize<B: Backend>(
    _ weights: Tensor, bias: (values: [Float], dataScale: Float)?, moments: FilterMoments,
    settings: QuantizationSettings, on backend: B
  ) throws -> QuantizedWeights {
    guard let axis = channelAxis else { preconditionFailure("'\(name)' has no filters") }
    if let groupSize {
      return try quantizeGroups(
        weights, axis: axis, groupSize: groupSize, moments, settings: settings, on: backend)
    }
    let isShared = granularity == .tensor
    let own = WeightRows(weights, axis: isShared ? nil : axis)
    var start = try own.search(
      levels: levels, method: settings.weightRange(levels: levels), on: backend)
    if settings.scales == .powerOfTwo {
      for row in start.indices { start[row] = start[row].withPowerOfTwoScale(for: own.row(row)) }
    }
    let search = SecondOrderWeights(weights, axis: axis, moments)
    let candidates = ScaleCandidates(levels: levels, scales: settings.scales)
    var found: [SecondOrderWeights.Row]
    if isShared {
      let spanning = own.withRow(0) {
        Quantizer(spanning: $0, levels: levels, scheme: .symmetric)
      }
      found = search.bestShared(
        settings.weights.range == nil ? start + candidates.below(spanning) : start)
    } else if settings.choosesScales(of: self) {
      found = search.best { row in own.withRow(row) { candidates.around(start[row], $0) } }
    } else {
      found = search.best { [start[$0]] }
    }
    var quantizers = isShared ? [found[0].quantizer] : found.map(\.quantizer)
    if settings.improvements.contains(.gain) {
      let rows = isShared ? [found.sum] : found
      quantizers = zip(quantizers, rows).map { $0.scaled(by: $1.gain) }
    }
    var remedies: [String] = []
    if let bias {
      let check = BiasCheck(
        values: bias.values, dataScale: bias.dataScale, isPowerOfTwo: settings.scales == .powerOfTwo
      )
      let before = quantizers
      remedies = check.widen(&quantizers)
      for row in found.indices {
        let number = isShared ? 0 : row
        if quantizers[number] != before[number] { found[row] = search.row(row, quantizers[number]) }
      }
    }
    let codes = search.codes(
      found, shape: weights.shape, as: QuantizedWeights.storage(levels: levels))
    return QuantizedWeights(
      codes: codes, quantizers: quantizers, axis: isShared ? nil : axis, groupSize: nil,
      signalToNoise: search.signalToNoise(found, quantizers), isChosenByOutputs: true,
      remedies: remedies)
  }
}

extension SecondOrderWeights.Row {
  /// What to multiply the scale by so that outputs keep their size: `E w^2 / E q w`; 1 where that is far
  /// away, and the codes have next to nothing in common with the weights.
  var gain: Double {
    let gain = product > 0 ? power / product : 1
    return (0.5...2).contains(gain) ? gain : 1
  }
}

extension [SecondOrderWeights.Row] {
  /// A row with the sums of all.
  var sum: SecondOrderWeights.Row {
    dropFirst().reduce(into: self[0]) { sum, row in
      sum.error += row.error
      sum.product += row.product
      sum.power += row.power
    }
  }
}
