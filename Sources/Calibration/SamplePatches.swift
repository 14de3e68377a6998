import Operations

/// The patches of one sample that are looked at, put so that units are neighbours: for every tap of a
/// unit and every patch a row of ``width`` floats, unit after unit, and zeros behind the last.
struct SamplePatches {
  let layout: PatchMoments.Layout
  let patchCount: Int
  let width: Int
  /// The rows of tap 0, patch after patch, then those of tap 1...
  private let elements: [Float]
  /// The units' means over their taps, patch after patch; empty where units have one tap.
  private let means: [Float]

  /// - Parameters:
  ///   - places: For every patch and tap an index for `value`, `nil` on the border.
  ///   - value: The element of a channel at a place.
  /// - Returns: `nil` where an element is not finite.
  init?(
    _ layout: PatchMoments.Layout, places: [[Int?]], value: (_ channel: Int, _ place: Int) -> Float
  ) {
    self.layout = layout
    patchCount = places.count
    let width = (layout.unitCount + 2 * Self.lanes - 1) / Self.lanes * Self.lanes
    self.width = width
    let (taps, unitTaps) = (layout.taps, layout.unitTaps)
    var elements = [Float](repeating: 0, count: unitTaps * places.count * width)
    var isFinite = true
    for (patch, places) in places.enumerated() {
      for (tap, place) in places.enumerated() {
        guard let place else { continue }
        // Whole patches have a unit for every tap of a channel.
        var target = unitTaps == 1 ? patch * width + tap : (tap * patchCount + patch) * width
        let step = unitTaps == 1 ? taps : 1
        for channel in 0..<layout.channels {
          let element = value(channel, place)
          isFinite = isFinite && element.isFinite
          elements[target] = element
          target += step
        }
      }
    }
    guard isFinite else { return nil }
    var means: [Float] = []
    if unitTaps > 1 {
      means = Array(elements[..<(patchCount * width)])
      for tap in 1..<unitTaps {
        let first = tap * patchCount * width
        for place in means.indices { means[place] += elements[first + place] }
      }
      for place in means.indices { means[place] /= Float(unitTaps) }
    }
    self.elements = elements
    self.means = means
  }

  /// Units that are summed at once.
  static var lanes: Int { SIMD16<Float>.scalarCount }

  /// The sums of the elements of ``lanes`` units at a tap, patch after patch.
  func sums(tap: Int, units first: Int) -> SIMD16<Float> {
    elements.withUnsafeBytes { bytes in
      var sums = SIMD16<Float>.zero
      var row = tap * patchCount * width + first
      for _ in 0..<patchCount {
        sums += bytes.loadUnaligned(fromByteOffset: 4 * row, as: SIMD16<Float>.self)
        row += width
      }
      return sums
    }
  }

  /// The sums of the products of two taps of the same unit, for ``lanes`` units, patch after patch.
  func products(taps a: Int, _ b: Int, units first: Int) -> SIMD16<Float> {
    elements.withUnsafeBytes { bytes in
      var sums = SIMD16<Float>.zero
      var (rowA, rowB) = (a * patchCount * width + first, b * patchCount * width + first)
      for _ in 0..<patchCount {
        let x = bytes.loadUnaligned(fromByteOffset: 4 * rowA, as: SIMD16<Float>.self)
        sums += x * bytes.loadUnaligned(fromByteOffset: 4 * rowB, as: SIMD16<Float>.self)
        rowA += width
        rowB += width
      }
      return sums
    }
  }

  /// The sums of the products of a unit's mean with those of ``lanes`` units, patch after patch.
  func products(unit: Int, units first: Int) -> SIMD16<Float> {
    (means.isEmpty ? elements : means).withUnsafeBytes { bytes in
      var sums = SIMD16<Float>.zero
      var row = 0
      for _ in 0..<patchCount {
        let x = bytes.loadUnaligned(fromByteOffset: 4 * (row + unit), as: Float.self)
        sums += x * bytes.loadUnaligned(fromByteOffset: 4 * (row + first), as: SIMD16<Float>.self)
        row += width
      }
      return sums
    }
  }
}

extension PatchMoments {
  /// Adds samples, on all cores: every unit has sums of its own.
  mutating func add(_ samples: [SamplePatches]) {
    for sample in samples { count += UInt64(sample.patchCount) }
    let layout = layout
    let blockOfUnit = layout.blocks.flatMap { block in block.units.map { _ in block } }
    let chunk = SamplePatches.lanes
    sums.withUnsafeMutableBufferPointer { sums in
      own.withUnsafeMutableBufferPointer { own in
        cross.withUnsafeMutableBufferPointer { cross in
          concurrently((blockOfUnit.count + chunk - 1) / chunk) { index in
            let units = (index * chunk)..<min((index + 1) * chunk, blockOfUnit.count)
            for sample in samples {
              sample.addOwn(units, sums: sums, own: own)
              for unit in units {
                let (range, first) = blockOfUnit[unit]
                let row = unit - range.lowerBound
                sample.addCross(
                  unit, with: range.lowerBound..<unit,
                  to: UnsafeMutableBufferPointer(
                    rebasing: cross[(first + row * (row - 1) / 2)...].prefix(row)))
              }
            }
          }
        }
      }
    }
  }
}

extension SamplePatches {
  /// Adds what belongs to at most ``lanes`` units.
  fileprivate func addOwn(
    _ units: Range<Int>, sums: UnsafeMutableBufferPointer<Int128>,
    own: UnsafeMutableBufferPointer<Int128>
  ) {
    var pair = 0
    for tap in 0..<layout.unitTaps {
      let found = self.sums(tap: tap, units: units.lowerBound)
      for unit in units {
        sums[unit * layout.unitTaps + tap] &+= FixedPoint.integer(found[unit - units.lowerBound])
      }
      for other in 0...tap {
        let found = products(taps: tap, other, units: units.lowerBound)
        for unit in units {
          own[unit * layout.ownCount + pair] &+= FixedPoint.integer(found[unit - units.lowerBound])
        }
        pair += 1
      }
    }
  }

  /// Adds the products of `unit` with those before it.
  fileprivate func addCross(
    _ unit: Int, with others: Range<Int>, to cross: UnsafeMutableBufferPointer<Int128>
  ) {
    for first in stride(from: others.lowerBound, to: others.upperBound, by: Self.lanes) {
      let found = products(unit: unit, units: first)
      for lane in 0..<min(Self.lanes, others.upperBound - first) {
        cross[first - others.lowerBound + lane] &+= FixedPoint.integer(found[lane])
      }
    }
  }
}
