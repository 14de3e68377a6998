import Glibc
public import Quantization
public import Tensors

/// Weights as codes, with the quantizers that made them.
public struct QuantizedWeights: Sendable {
  /// Signed codes `q - levels / 2`, which is `q - zeroPoint` for symmetric quantizers, in the shape of the weights; stored as `int2`, `int4` or `int8`,
  /// whichever is the narrowest that holds all levels.
  public let codes: Tensor
  /// The quantizers: one, one a channel, or one a group of a channel, channel by channel.
  public let quantizers: [Quantizer]
  /// For every quantizer whether it is of the negatives of its weights, so that a file's scale is negative;
  /// empty for none.
  public let isMirrored: [Bool]
  /// The axis of the channels; `nil` for one quantizer.
  public let axis: Int?
  /// Weights of a channel that share a quantizer; `nil` for all of them.
  public let groupSize: Int?
  /// Mean squared weight over mean squared error, in decibels; infinite without error.
  public private(set) var signalToNoise: Double
  /// Whether scales were chosen by the error of the outputs.
  public let isChosenByOutputs: Bool
  /// What was changed to keep int32 biases in range, one message a channel.
  public let remedies: [String]

  /// Puts together what was found; `signalToNoise` is infinite where the weights are the codes'.
  package init(
    codes: Tensor, quantizers: [Quantizer], isMirrored: [Bool] = [], axis: Int?, groupSize: Int?,
    signalToNoise: Double = .infinity, isChosenByOutputs: Bool = false, remedies: [String] = []
  ) {
    self.codes = codes
    self.quantizers = quantizers
    self.isMirrored = isMirrored.contains(true) ? isMirrored : []
    self.axis = axis
    self.groupSize = groupSize
    self.signalToNoise = signalToNoise
    self.isChosenByOutputs = isChosenByOutputs
    self.remedies = remedies
  }

  /// Takes the ratio of signal to noise by other weights than those that were rounded.
  mutating func measure(against weights: Tensor) {
    let noise = errors(of: weights).reduce(0) { $0 + $1 * $1 }
    let power = weights.withElements(of: Float.self) { values in
      values.reduce(0) { $0 + Double($1) * Double($1) }
    }
    signalToNoise = noise == 0 ? .infinity : 10 * log10(power / noise)
  }

  /// What codes less their zero point are multiplied by, a number a quantizer.
  public var scales: [Float] {
    guard !isMirrored.isEmpty else { return quantizers.map(\.scale) }
    return zip(quantizers, isMirrored).map { $1 ? -$0.scale : $0.scale }
  }

  /// The narrowest signed type that holds the codes of `levels` levels.
  public static func storage(levels: Int) -> ElementType {
    switch levels {
    case ...4: .int2
    case ...16: .int4
    default: .int8
    }
  }
}
