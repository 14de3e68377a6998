import Glibc
import Operations
import Quantization
import Tensors

/// The weights of a layer on their way to codes, channel by channel on all cores.
struct RoundedWeights {
  /// The weights by channel, and in channels by group.
  private let rows: WeightRows
  /// How many neighbouring weights make a kernel.
  private let kernelSize: Int
  private let startsInKernels: Bool
  private let preservesSums: Bool
  /// Signed codes `q - zeroPoint` in the order of ``rows``.
  private var codes: [Int8]

  /// - Parameter preservesSums: Whether ``SumPreservingRounding`` is used; otherwise every weight gets
  ///   its nearest code.
  init(_ weights: Tensor, plan: WeightPlan, groupSize: Int?, preservesSums: Bool) {
    rows = WeightRows(weights, axis: plan.channelAxis, groupSize: groupSize)
    kernelSize = weights.rank > 2 ? weights.shape[2...].reduce(1, *) : 1
    startsInKernels = groupSize != nil
    self.preservesSums = preservesSums
    codes = [Int8](repeating: 0, count: weights.count)
  }

  /// Gives the weights their codes.
  ///
  /// - Parameters:
  ///   - quantizers: One for all, or one a row.
  ///   - isChosen: Which quantizers' weights; the others stay as they are.
  mutating func round(_ quantizers: [Quantizer], where isChosen: (Int) -> Bool = { _ in true }) {
    let rows = rows
    let (kernelSize, startsInKernels) = (kernelSize, startsInKernels)
    let preservesSums = preservesSums
    let chosen = (0..<rows.count).filter { isChosen(Self.number(of: $0, quantizers)) }
    codes.withUnsafeMutableBufferPointer { codes in
      concurrently(chosen.count) { index in
        let row = chosen[index]
        let range = rows.range(row)
        let quantizer = quantizers[Self.number(of: row, quantizers)]
        let target = UnsafeMutableBufferPointer(rebasing: codes[range])
        rows.withRow(row) { values in
          quantizer.encode(values, into: target)
          guard preservesSums else { return }
          SumPreservingRounding(
            quantizer: quantizer, kernelSize: kernelSize,
            phase: startsInKernels ? range.lowerBound % kernelSize : 0
          ).balance(target, of: values)
        }
      }
    }
  }

  private static func number(of row: Int, _ quantizers: [Quantizer]) -> Int {
    quantizers.count == 1 ? 0 : row
  }

  /// What to multiply each scale by so that quantization does not shrink outputs.
  ///
  /// Rounding to the least squared error leaves an error that is orthogonal to the quantized weights
  /// `q`, not to the weights `w`: `<w, q>` is `<w, w>` less the squared error, and outputs shrink by
  /// that share, layer after layer. The gain `<w, w> / <w, q>` makes the part of the outputs that
  /// follows the weights as large as it was. (Banner et al., Post Training 4-Bit Quantization of
  /// Convolutional Networks for Rapid-Deployment, NeurIPS 2019, section 4, correct the norm, which
  /// counts the noise as well.)
  ///
  /// - Returns: One gain a quantizer; 1 where all its weights or all its codes are zero.
  func gains(_ quantizers: [Quantizer]) -> [Double] {
    var sums = [(power: Double, product: Double)](repeating: (0, 0), count: quantizers.count)
    for (row, own) in moments(quantizers).enumerated() {
      let number = Self.number(of: row, quantizers)
      sums[number].power += own.power
      sums[number].product += own.product
    }
    return sums.map { $0.product > 0 ? $0.power / $0.product : 1 }
  }

  /// Mean squared weight over mean squared error, in decibels; infinite without error.
  func signalToNoise(_ quantizers: [Quantizer]) -> Double {
    let all = moments(quantizers)
    let noise = all.reduce(0) { $0 + $1.noise }
    return noise == 0 ? .infinity : 10 * log10(all.reduce(0) { $0 + $1.power } / noise)
  }

  /// Of every row the sums of squared weights, of weights times quantized ones, and of squared errors.
  private func moments(
    _ quantizers: [Quantizer]
  ) -> [(power: Double, product: Double, noise: Double)] {
    var moments = [(power: Double, product: Double, noise: Double)](
      repeating: (0, 0, 0), count: rows.count)
    moments.withUnsafeMutableBufferPointer { moments in
      codes.withUnsafeBufferPointer { codes in
        concurrently(rows.count) { row in
          let scale = quantizers[Self.number(of: row, quantizers)].scale
          let own = UnsafeBufferPointer(rebasing: codes[rows.range(row)])
          var (power, product, noise) = (0.0, 0.0, 0.0)
          rows.withRow(row) { values in
            for position in values.indices {
              let value = Double(values[position])
              let quantized = Double(scale * Float(own[position]))
              power += value * value
              product += value * quantized
              noise += (value - quantized) * (value - quantized)
            }
          }
          moments[row] = (power, product, noise)
        }
      }
    }
    return moments
  }

  /// The codes in the places of the weights.
  func codes(shape: [Int], as elementType: ElementType) -> Tensor {
    guard let places = rows.places else { return Tensor(codes, shape: shape, as: elementType) }
    return Tensor(shape: shape, as: elementType) { (elements: UnsafeMutableBufferPointer<Int8>) in
      for position in codes.indices { elements[places[position]] = codes[position] }
    }
  }
}
