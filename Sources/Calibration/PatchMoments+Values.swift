extension PatchMoments {
  /// The means of the elements; zeros where no patch was seen.
  public var means: [Double] { sums.map { value($0) } }

  /// The second moments of the taps of each unit about `centers`, one an element, in the order of
  /// ``own``.
  public func ownMoments(less centers: [Double]) -> [Double] {
    let (taps, means) = (layout.unitTaps, means)
    var moments: [Double] = []
    moments.reserveCapacity(own.count)
    for unit in 0..<layout.unitCount {
      for a in (unit * taps)..<((unit + 1) * taps) {
        for b in (unit * taps)...a {
          moments.append(
            value(own[moments.count]) - means[a] * centers[b] - centers[a] * means[b]
              + centers[a] * centers[b])
        }
      }
    }
    return moments
  }

  /// The second moments of the means of pairs of units about the means of `centers`, in the order of
  /// ``cross``.
  public func crossMoments(less centers: [Double]) -> [Double] {
    let (means, centers) = (unitMeans(of: means), unitMeans(of: centers))
    var moments: [Double] = []
    moments.reserveCapacity(cross.count)
    for block in layout.blocks {
      for a in block.units {
        for b in block.units.lowerBound..<a {
          moments.append(
            value(cross[moments.count]) - means[a] * centers[b] - centers[a] * means[b]
              + centers[a] * centers[b])
        }
      }
    }
    return moments
  }

  private func unitMeans(of elements: [Double]) -> [Double] {
    let taps = layout.unitTaps
    return (0..<layout.unitCount).map { unit in
      elements[(unit * taps)..<((unit + 1) * taps)].reduce(0, +) / Double(taps)
    }
  }

  private func value(_ sum: Int128) -> Double {
    count == 0 ? 0 : FixedPoint.value(sum) / Double(count)
  }
}
