import Calibration

/// The mean squared error that wrong weights leave in the output of a filter: `d^T C d` for the error `d`
/// of its weights and the second moments `C` of the patches that it meets.
///
/// Where moments are of single taps, `C` is what was measured. Where they are of channels' means over the
/// taps, a tap `x[c, t]` is taken as `b[c, t] m[c] + e[c, t]`: the part that follows the mean `m[c]`
/// of its own channel, by the least squares, and a rest that follows no other channel. Then with
/// `a[c] = sum_t d[c, t] b[c, t]`
///
///     d^T C d = sum_cc' a[c] a[c'] E(m[c] m[c']) + sum_ctt' d[c, t] d[c, t'] E(e[c, t] e[c, t'])
///
/// which is the measured value for filters of one channel, and never negative.
struct OutputError {
  /// The errors of one weight with every candidate.
  typealias Lanes = SIMD8<Double>

  let layout: PatchMoments.Layout
  /// For every unit how its taps follow its mean.
  let shares: [Double]
  /// For every unit the moments of what does not follow its mean, `(0, 0), (1, 0), (1, 1)...`.
  let rests: [Double]
  /// For every unit the second moment of its mean.
  let squares: [Double]
  /// For every block the moments of pairs of means, `(1, 0), (2, 0), (2, 1)...`.
  let cross: [Double]
  let blocks: [(units: Range<Int>, firstProduct: Int)]

  /// - Parameter isCentered: Whether the mean of the error does not count, because the bias takes it
  ///   back.
  init(_ moments: PatchMoments, isCentered: Bool) {
    let layout = moments.layout
    let means = isCentered ? moments.means : [Double](repeating: 0, count: layout.elements)
    let own = moments.ownMoments(less: means)
    let taps = layout.unitTaps
    var shares = [Double](repeating: 1, count: layout.elements)
    var rests = [Double](repeating: 0, count: own.count)
    var squares = [Double](repeating: 0, count: layout.unitCount)
    for unit in 0..<layout.unitCount {
      let first = unit * layout.ownCount
      func moment(_ a: Int, _ b: Int) -> Double {
        own[first + max(a, b) * (max(a, b) + 1) / 2 + min(a, b)]
      }
      var total = 0.0
      for a in 0..<taps {
        var sum = 0.0
        for b in 0..<taps { sum += moment(a, b) }
        shares[unit * taps + a] = sum / Double(taps)
        total += sum
      }
      // Below what sums of floats resolve, the mean is always zero, and nothing follows it.
      let trace = (0..<taps).reduce(0) { $0 + moment($1, $1) }
      squares[unit] =
        taps == 1 || total > 0x1p-16 * trace ? max(total, 0) / Double(taps * taps) : 0
      for a in 0..<taps {
        shares[unit * taps + a] =
          squares[unit] > 0 ? shares[unit * taps + a] / squares[unit] : taps == 1 ? 1 : 0
      }
      var pair = first
      for a in 0..<taps {
        for b in 0...a {
          rests[pair] =
            own[pair] - shares[unit * taps + a] * shares[unit * taps + b] * squares[unit]
          pair += 1
        }
      }
    }
    self.layout = layout
    self.shares = shares
    self.rests = rests
    self.squares = squares
    cross = moments.crossMoments(less: means)
    blocks = layout.blocks
  }

  /// The errors of the outputs of a filter, for every lane.
  ///
  /// - Parameters:
  ///   - weights: The errors of the filter's weights, channel after channel.
  ///   - group: The group of channels that the filter meets.
  func callAsFunction(_ weights: UnsafeBufferPointer<Lanes>, group: Int) -> Lanes {
    let taps = layout.unitTaps
    let units = layout.unitCount / layout.groups
    precondition(weights.count == units * taps)
    let blocksOfGroup = blocks.count / layout.groups
    return withUnsafeTemporaryAllocation(of: Lanes.self, capacity: units) { sums in
      var error = Lanes.zero
      for unit in 0..<units {
        let place = group * units + unit
        var sum = Lanes.zero
        var pair = place * layout.ownCount
        for a in 0..<taps {
          let own = weights[unit * taps + a]
          sum += own * shares[place * taps + a]
          guard taps > 1 else { continue }
          var row = Lanes.zero
          for b in 0..<a { row += weights[unit * taps + b] * rests[pair + b] }
          error += own * (row + row + own * rests[pair + a])
          pair += a + 1
        }
        sums[unit] = sum
      }
      for block in blocks[(group * blocksOfGroup)..<((group + 1) * blocksOfGroup)] {
        let first = block.units.lowerBound
        var pair = block.firstProduct
        for unit in block.units {
          var row = Lanes.zero
          for other in first..<unit {
            row += sums[other - group * units] * cross[pair]
            pair += 1
          }
          let own = sums[unit - group * units]
          error += own * (row + row + own * squares[unit])
        }
      }
      return error
    }
  }
}
