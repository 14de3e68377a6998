import Calibration
import Glibc
import Operations
import Quantization
import Tensors

/// The weights of a layer on their way to codes, channel by channel on all cores.
struct RoundedWeights {
  /// The weights by channel, and in channels by group.
  private let rows: WeightRows
  private let rounding: RowRounding
  /// Signed codes, less the middle code, in the order of ``rows``.
  private var codes: [Int8]

  /// - Parameters:
  ///   - preservesSums: Whether ``SumPreservingRounding`` is used; otherwise every weight gets its nearest
  ///     code.
  ///   - isMirrored: For every row whether the negatives of its weights are quantized; empty for none.
  init(
    _ weights: Tensor, plan: WeightPlan, groupSize: Int?, preservesSums: Bool,
    isMirrored: [Bool] = []
  ) {
    rows = WeightRows(weights, axis: plan.channelAxis, groupSize: groupSize).mirrored(isMirrored)
    rounding = RowRounding(
      kernelSize: weights.rank > 2 ? weights.shape[2...].reduce(1, *) : 1,
      startsInKernels: groupSize != nil, preservesSums: preservesSums)
    codes = [Int8](repeating: 0, count: weights.count)
  }

  /// Gives the weights their codes.
  ///
  /// - Parameters:
  ///   - quantizers: One for all, or one a row.
  ///   - isChosen: Which quantizers' weights; the others stay as they are.
  mutating func round(_ quantizers: [Quantizer], where isChosen: (Int) -> Bool = { _ in true }) {
    let this = (rows: rows, rounding: rounding)
    let chosen = (0..<rows.count).filter { isChosen(Self.number(of: $0, quantizers)) }
    codes.withUnsafeMutableBufferPointer { codes in
      concurrently(chosen.count) { index in
        let row = chosen[index]
        let range = this.rows.range(row)
        this.rows.withRow(row) { values in
          this.rounding.round(
            values, at: range.lowerBound, quantizers[Self.number(of: row, quantizers)],
            into: UnsafeMutableBufferPointer(rebasing: codes[range]))
        }
      }
    }
  }

  /// The quantizers that `choice` takes in place of those of least squares, filter by filter, and the gains
  /// that their scales are to get after rounding.
  ///
  /// - Parameter meetsAllGroups: Whether each row holds weights for every group of channels.
  func quantizers(
    _ leastSquares: [Quantizer], chosenBy choice: ScaleChoice, meetsAllGroups: Bool
  ) -> (quantizers: [Quantizer], gains: [Double]) {
    precondition(leastSquares.count == rows.count, "every filter has a quantizer")
    let rowsOfGroup = rows.count / choice.error.layout.groups
    var found = leastSquares.map { (quantizer: $0, gain: 1.0) }
    found.withUnsafeMutableBufferPointer { found in
      concurrently(rows.count) { row in
        let first = rows.range(row).lowerBound
        found[row] = rows.withRow(row) { values in
          let candidates = choice.candidates.around(leastSquares[row], values)
          let codes = candidates.map { candidate in
            [Int8](unsafeUninitializedCapacity: values.count) { codes, count in
              rounding.round(
                values, at: first, candidate,
                into: UnsafeMutableBufferPointer(rebasing: codes[..<values.count]))
              count = values.count
            }
          }
          let best = choice.best(
            of: candidates, codes: codes, weights: values,
            group: meetsAllGroups ? nil : row / rowsOfGroup)
          return (candidates[best.candidate], best.gain)
        }
      }
    }
    return (found.map(\.quantizer), found.map(\.gain))
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
    var sums = [RowMoments](repeating: RowMoments(), count: quantizers.count)
    for (row, own) in moments(quantizers).enumerated() {
      let number = Self.number(of: row, quantizers)
      sums[number].power += own.power
      sums[number].product += own.product
    }
    return sums.map(\.gain)
  }

  /// Mean squared weight over mean squared error, in decibels; infinite without error.
  func signalToNoise(_ quantizers: [Quantizer]) -> Double {
    let all = moments(quantizers)
    let noise = all.reduce(0) { $0 + $1.noise }
    return noise == 0 ? .infinity : 10 * log10(all.reduce(0) { $0 + $1.power } / noise)
  }

  private func moments(_ quantizers: [Quantizer]) -> [RowMoments] {
    var moments = [RowMoments](repeating: RowMoments(), count: rows.count)
    moments.withUnsafeMutableBufferPointer { moments in
      codes.withUnsafeBufferPointer { codes in
        concurrently(rows.count) { row in
          let quantizer = quantizers[Self.number(of: row, quantizers)]
          let own = UnsafeBufferPointer(rebasing: codes[rows.range(row)])
          moments[row] = rows.withRow(row) { RowMoments(of: $0, codes: own, quantizer) }
        }
      }
    }
    return moments
  }

  /// The codes in the places of the weights.
  func codes(shape: [Int], as elementType: ElementType) -> Tensor {
    rows.inPlace(codes, shape: shape, as: elementType)
  }
}
