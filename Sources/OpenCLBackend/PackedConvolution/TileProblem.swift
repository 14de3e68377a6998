import Operations

/// A convolution of packed codes as the product that `packed/problem.cl` describes.
struct TileProblem: Hashable, Sendable {
  /// Batch, groups, extents, window.
  var geometry: ConvolutionGeometry
  /// Bits of a code of x.
  var inputBits: Int
  /// Words from a pixel of x to the next.
  var inputWords: Int
  /// Words of x of a step.
  var stepWords = 1
  /// Filters of a tile.
  var tileFilters = 1
  /// Words from a pixel of the result to the next.
  var outputWords = 0
  /// The same of a residual's other summand.
  var otherWords = 0

  /// Words of x that are loaded together.
  var unit: Int { inputWords == 1 ? 1 : min(4, stepWords) }

  /// Output pixels of all images.
  var pixels: Int { geometry.batch * geometry.output.product }

  /// Bits of x from a group's channels to the next group's.
  var groupBits: Int { geometry.channels * inputBits }

  /// Units of a tap: as many as the group needs whose channels lie worst.
  var span: Int {
    (0..<geometry.groups).map { group in
      (max(1, (group + 1) * groupBits) - 1) / (32 * unit) - group * groupBits / (32 * unit) + 1
    }.max()!
  }

  /// Steps of K.
  var steps: Int {
    let units = geometry.passes[0].taps.count * span
    return max(1, (units * unit + stepWords - 1) / stepWords)
  }

  /// Rows of weights of a group, whole tiles.
  var rows: Int { (geometry.filters + tileFilters - 1) / tileFilters * tileFilters }

  /// What `problem.cl` is compiled with.
  var definitions: [String] {
    ["UNIT=\(unit)", "XBITS=\(inputBits)", "STEP_WORDS=\(stepWords)"]
  }

  /// The struct `Problem`.
  var numbers: [Int32] {
    let (g, pass) = (geometry, geometry.passes[0])
    return [
      pixels, g.groups, g.filters, groupBits, span, g.input.y, g.input.z, g.output.y, g.output.z,
      pass.stride.y, pass.stride.z, pass.origin.y, pass.origin.z, inputWords, outputWords,
      otherWords, steps, rows,
    ].map { Int32($0) }
  }

  /// An `int4` for every unit of K, and one of `border`.
  func units(border: UInt32) -> [Int32] {
    let span = span
    var numbers: [Int32] = []
    for tap in geometry.passes[0].taps {
      let pixel = (tap.offset.y * geometry.input.z + tap.offset.z) * inputWords
      for part in 0..<span {
        numbers += [pixel + part * unit, tap.offset.y, tap.offset.z, 0].map { Int32($0) }
      }
    }
    // What fills the last step lies outside.
    while numbers.count < 4 * steps * (stepWords / unit) { numbers += [0, 1 << 30, 0, 0] }
    return numbers + [Int32](repeating: Int32(bitPattern: border), count: 4)
  }

  /// Where a code of x stands in K: the word, and the lowest bit in it.
  func place(group: Int, channel: Int, tap: Int, span: Int) -> (word: Int, bit: Int) {
    let bit = (group * geometry.channels + channel) * inputBits
    let word = bit / 32 - firstUnit(ofGroup: group, span: span) * unit
    return (tap * span * unit + word, bit % 32)
  }

  private func firstUnit(ofGroup group: Int, span: Int) -> Int {
    min(group * groupBits / (32 * unit), inputWords / unit - span)
  }

  /// The words of K of every group, all bits of the codes set that belong to it.
  var masks: [UInt32] {
    let (span, words) = (span, steps * stepWords)
    var masks = [UInt32](repeating: 0, count: geometry.groups * words)
    for group in 0..<geometry.groups {
      for tap in geometry.passes[0].taps.indices {
        for channel in 0..<geometry.channels {
          let place = place(group: group, channel: channel, tap: tap, span: span)
          masks[group * words + place.word] |= ((1 << UInt32(inputBits)) - 1) << UInt32(place.bit)
        }
      }
    }
    return masks
  }

  /// `zeroPoint` in every place of a word.
  func border(_ zeroPoint: Int) -> UInt32 {
    stride(from: 0, to: 32, by: inputBits).reduce(0) { $0 | UInt32(zeroPoint) << UInt32($1) }
  }
}

extension TileProblem {
  /// The problem of a plan.
  init(
    _ geometry: ConvolutionGeometry, _ layout: CodeLayout, _ product: TileProduct, _ plan: TilePlan
  ) {
    self.init(
      geometry: geometry, inputBits: layout.bits, inputWords: layout.pixelBytes / 4,
      stepWords: plan.stepWords(product, layout), tileFilters: plan.tile.filters)
  }
}
