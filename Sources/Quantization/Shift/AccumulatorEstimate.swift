/// What the largest magnitude in a layer's accumulators is taken to be before there are codes.
public enum AccumulatorEstimate: String, Sendable, Hashable, CaseIterable, Codable {
  /// No input within the largest activation gives more: the L1 norm of a channel's weights times that
  /// activation, plus its bias; ``LayerStatistics/guaranteed``.
  case guaranteed
  /// The same with the mean weight of the whole layer: ``LayerStatistics/approximate``.
  case approximate
  /// The largest output seen, times a guard: ``LayerStatistics/observed(guard:)``.
  case observed
}

/// What is known of a layer before its quantizers are determined.
///
/// Names as in the list of statistics that <doc:ShiftQuantizers> cites; the formulas that follow from
/// them are ours.
public struct LayerStatistics: Sendable, Hashable, Encodable {
  /// Mean magnitude of the weights of every output channel.
  public var meanWeights: [Double]
  /// The number of weights of an output channel, `K`.
  public var weightsPerChannel: Int
  /// The largest magnitude of a weight, `W`.
  public var largestWeight: Double
  /// The magnitude of the bias of every output channel; empty without bias.
  public var biases: [Double]
  /// The largest magnitude of an activation of the input, `A`.
  public var largestActivation: Double
  /// The largest magnitude of an output, `O`; `nil` where none was observed.
  public var largestOutput: Double?

  /// Collects statistics.
  ///
  /// - Parameters:
  ///   - channels: The weights of every output channel, equally many each.
  ///   - biases: The bias of every output channel; empty without bias.
  ///   - largestActivation: The largest magnitude of the input.
  ///   - largestOutput: The largest magnitude of the output, where it was observed.
  public init(
    channels: [[Float]], biases: [Float] = [], largestActivation: Double,
    largestOutput: Double? = nil
  ) {
    precondition(
      channels.allSatisfy { $0.count == channels[0].count && !$0.isEmpty }
        && (biases.isEmpty || biases.count == channels.count),
      "\(channels.count) channels and \(biases.count) biases")
    weightsPerChannel = channels.first?.count ?? 0
    meanWeights = channels.map { weights in
      weights.reduce(0.0) { $0 + Double($1.magnitude) } / Double(weights.count)
    }
    largestWeight = channels.joined().reduce(0.0) { max($0, Double($1.magnitude)) }
    self.biases = biases.map { Double($0.magnitude) }
    self.largestActivation = largestActivation
    self.largestOutput = largestOutput
  }

  /// Mean magnitude of all weights, `mean |w|`; channels have equally many.
  public var meanWeight: Double {
    meanWeights.isEmpty ? 0 : meanWeights.reduce(0, +) / Double(meanWeights.count)
  }

  /// The largest magnitude of a bias.
  public var largestBias: Double { biases.max() ?? 0 }

  // MARK: Estimates

  /// `A * sum_k |w_k| + |b|` of one channel: by `sum |w| = K mean |w|`, the L1 norm.
  public func guaranteed(channel: Int) -> Double {
    Double(weightsPerChannel) * meanWeights[channel] * largestActivation
      + (biases.isEmpty ? 0 : biases[channel])
  }

  /// `M1 = A * max_o sum_k |w_ok| + max |b|`
  public var guaranteed: Double {
    Double(weightsPerChannel) * (meanWeights.max() ?? 0) * largestActivation + largestBias
  }

  /// `M2 = K * mean |w| * A + max |b|`: M1 of a channel of average weights. Below M1 unless all channels
  /// have the same norm; with the mean of one channel in place of all of them, it is that channel's M1.
  public var approximate: Double {
    Double(weightsPerChannel) * meanWeight * largestActivation + largestBias
  }

  /// `M3 = g * O`, which says nothing about partial sums; `nil` where no output was observed.
  public func observed(guard factor: Double) -> Double? { largestOutput.map { factor * $0 } }

  /// The estimate for one channel, or for all that share a quantizer: never more than what is guaranteed
  /// for these, which a channel of small weights undercuts the layer's mean and largest output with.
  ///
  /// - Parameters:
  ///   - estimate: Which one. Without an observed output, `observed` is `guaranteed`.
  ///   - channel: The channel; `nil` for all.
  ///   - factor: The guard of `observed`.
  public func largestSum(
    _ estimate: AccumulatorEstimate, channel: Int?, guard factor: Double
  ) -> Double {
    let certain = channel.map { guaranteed(channel: $0) } ?? guaranteed
    return switch estimate {
    case .guaranteed: certain
    case .approximate: min(approximate, certain)
    case .observed: min(observed(guard: factor) ?? certain, certain)
    }
  }
}
