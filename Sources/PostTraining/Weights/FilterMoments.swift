import Calibration

/// Second moments of what the filters of a layer meet, as dense matrices.
///
/// A filter's weights are channel after channel the taps of its kernel. Where they are many, they are cut
/// into blocks of whole channels, and what blocks have in common is left out.
struct FilterMoments: Sendable {
  /// The weights of a filter from `elements.lowerBound` on, and what they meet.
  struct Block: Sendable {
    /// Which weights of a filter.
    let elements: Range<Int>
    /// `E[x x^T]`, row after row; about the means where the bias takes back the mean of an error.
    private(set) var gram: [Double]
    /// Where layers before are quantized, and `x` is what they give now: `E[y x^T]` with what they give in
    /// float, `y`.
    var cross: [Double]?
    /// The means of `y` and of `x`, there.
    var means: (float: [Double], quantized: [Double])?
  }

  /// For every group of channels its blocks.
  let groups: [[Block]]

  /// Weights that a block may have: what is exact up to there takes a second or so to factor.
  static let blockLimit = 768

  /// The ranges of `count` weights in whole channels of `taps`.
  static func blocks(of count: Int, taps: Int) -> [Range<Int>] {
    let channels = count / taps
    let perBlock = max(blockLimit / taps, 1)
    let blocks = (channels + perBlock - 1) / perBlock
    return (0..<blocks).map {
      (channels * $0 / blocks * taps)..<(channels * ($0 + 1) / blocks * taps)
    }
  }
}

extension FilterMoments.Block {
  /// Takes what varies less than its moments resolve as constant: what is left of such moments about
  /// means has any sign and size, and says nothing about weights.
  ///
  /// - Parameters:
  ///   - squares: `E x^2` of every weight's data, not about means.
  ///   - resolution: The part of that below which a variance is noise.
  mutating func removeNoise(squares: [Double], resolution: Double) {
    let count = elements.count
    for place in 0..<count where gram[place * count + place] <= resolution * squares[place] {
      for other in 0..<count {
        gram[place * count + other] = 0
        gram[other * count + place] = 0
        cross?[other * count + place] = 0
      }
    }
  }
}

extension FilterMoments {
  /// The part of its mean square below which the variance of a value is noise in moments whose sums over
  /// a sample are floats.
  private static let resolution = 0x1p-16

  /// Those of patches of the float network.
  ///
  /// - Parameter isCentered: Whether the mean of an error does not count, because the bias takes it back.
  init(_ moments: PatchMoments, isCentered: Bool) {
    let error = OutputError(moments, isCentered: isCentered)
    let layout = moments.layout
    let perGroup = layout.unitCount / layout.groups
    let perBlock = max(Self.blockLimit / layout.unitTaps, 1)
    let squares = moments.squares
    groups = (0..<layout.groups).map { group in
      let first = group * perGroup
      return error.blocks.indices.filter {
        error.blocks[$0].units.lowerBound >= first
          && error.blocks[$0].units.upperBound <= first + perGroup
      }.flatMap { number -> [Block] in
        let units = error.blocks[number].units
        let parts = (units.count + perBlock - 1) / perBlock
        return (0..<parts).map { part in
          let own =
            units.lowerBound + units.count * part / parts..<units.lowerBound + units.count
            * (part + 1) / parts
          var block = Block(
            elements: ((own.lowerBound - first) * layout.unitTaps)..<((own.upperBound - first)
              * layout.unitTaps),
            gram: error.gram(units: own, block: number))
          if isCentered {
            let places = own.lowerBound * layout.unitTaps..<own.upperBound * layout.unitTaps
            block.removeNoise(squares: Array(squares[places]), resolution: Self.resolution)
          }
          return block
        }
      }
    }
  }
}

extension PatchMoments {
  /// The mean squares of the elements.
  fileprivate var squares: [Double] {
    let own = ownMoments(less: [Double](repeating: 0, count: layout.elements))
    return (0..<layout.elements).map {
      let tap = $0 % layout.unitTaps
      return own[$0 / layout.unitTaps * layout.ownCount + tap * (tap + 1) / 2 + tap]
    }
  }
}

extension OutputError {
  /// The matrix `C` of the taps of some units of a block, row after row.
  func gram(units: Range<Int>, block: Int) -> [Double] {
    let taps = layout.unitTaps
    let count = units.count * taps
    var gram = [Double](repeating: 0, count: count * count)
    let whole = blocks[block]
    for a in units {
      for b in units.lowerBound...a {
        let row = a - whole.units.lowerBound
        let mean =
          a == b
          ? squares[a]
          : cross[whole.firstProduct + row * (row - 1) / 2 + b - whole.units.lowerBound]
        for s in 0..<taps {
          for t in 0..<taps {
            var value = shares[a * taps + s] * shares[b * taps + t] * mean
            if a == b, taps > 1 {
              value += rests[a * layout.ownCount + max(s, t) * (max(s, t) + 1) / 2 + min(s, t)]
            }
            let (i, j) = ((a - units.lowerBound) * taps + s, (b - units.lowerBound) * taps + t)
            gram[i * count + j] = value
            gram[j * count + i] = value
          }
        }
      }
    }
    return gram
  }
}
