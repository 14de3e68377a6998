import Glibc
import Graph
package import Quantization

/// Keeps int32 biases in range.
///
/// A bias is stored as `rint(bias / (dataScale * weightScale))`. A channel with tiny weights and a
/// large bias overflows; raising the channel's weight scale until the bias fits costs resolution in
/// weights that hardly matter beside it.
package struct BiasCheck {
  /// The float biases, one an output channel.
  let values: [Float]
  /// The scale of the layer's data.
  package let dataScale: Float
  /// Whether scales must stay powers of two.
  let isPowerOfTwo: Bool

  /// The largest magnitude that a bias's code may have.
  private static let limit = Double(AccumulatorBound.largestBias)

  /// Looks at biases.
  package init(values: [Float], dataScale: Float, isPowerOfTwo: Bool) {
    self.values = values
    self.dataScale = dataScale
    self.isPowerOfTwo = isPowerOfTwo
  }

  /// Raises the scales that need it; the messages say which.
  ///
  /// Channels are dealt to quantizers in turn, as transposed convolutions with groups need it.
  package func widen(_ quantizers: inout [Quantizer]) -> [String] {
    var messages: [String] = []
    for (channel, value) in values.enumerated() {
      let row = channel % quantizers.count
      let old = quantizers[row]
      // The scale of the bias must be one that devices without denormals keep.
      let needed = max(
        Double(value.magnitude) / (Double(dataScale) * Self.limit),
        Double(Quantizer.scaleRange.lowerBound) / Double(dataScale))
      guard needed > Double(old.scale) else { continue }
      // One unit in the last place more, so that rounding does not undo it.
      var scale = Float(needed).nextUp
      if isPowerOfTwo { scale = Float(sign: .plus, exponent: scale.exponent + 1, significand: 1) }
      scale = min(scale, Quantizer.scaleRange.upperBound)
      quantizers[row] = Quantizer(scale: scale, zeroPoint: old.zeroPoint, levels: old.levels)
      // Without a bias nothing is lost: such weights are too small for any device.
      guard value != 0 else { continue }
      messages.append(
        "the bias \(value) of channel \(channel) does not fit int32: the scale of the channel's "
          + "weights was raised from \(old.scale) to \(scale)")
    }
    return messages
  }

  /// The codes of the biases for the final quantizers.
  package func codes(_ quantizers: [Quantizer]) -> [Int32] {
    values.enumerated().map { channel, value in
      let scale = dataScale * quantizers[channel % quantizers.count].scale
      let steps = (Double(value) / Double(scale)).rounded(.toNearestOrEven)
      return Int32(min(max(steps, Double(Int32.min)), Double(Int32.max)))
    }
  }
}
