import Operations
import Tensors

/// Weights in the order of `packed/tile.cl` and `packed/tile_warp.cl`.
///
/// The numbers that are multiplied are not always the weights: they are `stride * w + offset`, where
/// offsets are those of filters. A filter's entry in ``rows`` gives back what is missing.
struct TileWeights: Sendable {
  /// What a kernel is compiled for.
  struct Facts: Hashable, Sendable {
    var product: TileProduct
    /// What a code of planes counts.
    var stride = 1
    /// Whether some offset is not 0, so that the sums of x are needed.
    var needsInputSums = false
  }
  var facts: Facts
  /// `[groups][rows][steps][words of a step]`
  var words: [UInt32] = []
  /// An `int4` for every filter of every group: what the product lacks, the sum of the weights, the
  /// offset, 0.
  var rows: [Int32] = []
}

extension TileWeights {
  /// Packs weights for `problem`.
  ///
  /// `codeOffset` is what the device's product takes away from every code of x.
  init(_ weights: WeightDifferences, _ problem: TileProblem, product: TileProduct, codeOffset: Int)
  {
    facts = Facts(product: product)
    switch product {
    case .bytes(let bits): packBytes(weights, problem, bits: bits, codeOffset: codeOffset)
    case .planes(let count):
      packBits(weights, problem, wordsPerStep: problem.stepWords / problem.inputBits * count) {
        place, code, row in
        // A bit of each of as many words as codes have bits makes up a word of a plane.
        let (word, inWord) = place.word.quotientAndRemainder(dividingBy: problem.inputBits)
        for plane in 0..<count {
          row[word * count + plane] |= (code >> UInt32(plane) & 1) << UInt32(place.bit + inWord)
        }
      }
    case .passes(let passes):
      let length = problem.steps * problem.stepWords
      packBits(weights, problem, wordsPerStep: problem.stepWords * passes.pairs.count) {
        place, code, row in
        for (pass, pair) in passes.pairs.enumerated() {
          row[pass * length + place.word] |=
            (code >> UInt32(pair.weightPlane) & 1) << UInt32(place.bit + pair.inputPlane)
        }
      }
    }
  }

  private mutating func packBytes(
    _ weights: WeightDifferences, _ problem: TileProblem, bits: Int, codeOffset: Int
  ) {
    let geometry = problem.geometry
    let length = geometry.channels * geometry.kernelCount
    // Where differences do not fit a signed byte, a filter's are moved so that its codes lie in the
    // middle.
    let fits = -128 <= weights.range.lowerBound && weights.range.upperBound <= 127
    facts.needsInputSums = !fits
    let offsets = (0..<geometry.groups * geometry.filters).map { filter -> Int in
      guard !fits else { return 0 }
      let own = weights.values[filter * length..<(filter + 1) * length]
      return (own.min().map { Int($0) } ?? 0) + 128
    }
    let parts = 8 / bits, inputParts = 8 / problem.inputBits
    let stepBytes = problem.stepWords * inputParts
    let stepWords = stepBytes / parts
    let unit = stepWords.isMultiple(of: 4) ? 4 : stepWords.isMultiple(of: 2) ? 2 : 1
    let mask = (UInt32(1) << UInt32(bits)) - 1
    pack(weights, problem, wordsPerStep: stepWords, offsets: offsets) { place, value, row in
      // The parts of the words of a unit stand one behind the other.
      let (whole, inUnit) = place.word.quotientAndRemainder(dividingBy: problem.unit)
      let part = place.bit % 8 / problem.inputBits
      let k = (whole * inputParts + part) * problem.unit + inUnit
      let (step, inStep) = k.quotientAndRemainder(dividingBy: stepBytes)
      let (chunk, inChunk) = inStep.quotientAndRemainder(dividingBy: unit * parts)
      let word = step * stepWords + chunk * unit + inChunk % unit
      let shift = UInt32(place.bit / 8 * 8 + bits * (inChunk / unit))
      row[word] |= (UInt32(truncatingIfNeeded: value) & mask) << shift
    }
    for filter in offsets.indices {
      let sum = Int(rows[4 * filter + 1]) - offsets[filter] * length
      rows[4 * filter] = Int32(truncatingIfNeeded: codeOffset * sum)
    }
  }

  /// Packs codes of which a weight is a multiple of, from the smallest weight on.
  private mutating func packBits(
    _ weights: WeightDifferences, _ problem: TileProblem, wordsPerStep: Int,
    put: (_ place: (word: Int, bit: Int), _ code: UInt32, _ row: UnsafeMutablePointer<UInt32>) ->
      Void
  ) {
    let lowest = weights.range.lowerBound
    let stride = weights.stride
    facts.stride = stride
    facts.needsInputSums = lowest != 0
    let offsets = [Int](
      repeating: lowest, count: problem.geometry.groups * problem.geometry.filters)
    pack(weights, problem, wordsPerStep: wordsPerStep, offsets: offsets) { place, value, row in
      put(place, UInt32(value / stride), row)
    }
  }

  /// Calls `put` for every weight less its filter's offset with its place in K and its row of words;
  /// fills ``words`` and ``rows``.
  private mutating func pack(
    _ weights: WeightDifferences, _ problem: TileProblem, wordsPerStep: Int, offsets: [Int],
    put: (_ place: (word: Int, bit: Int), _ value: Int, _ row: UnsafeMutablePointer<UInt32>) -> Void
  ) {
    let geometry = problem.geometry
    let (span, length) = (problem.span, problem.steps * wordsPerStep)
    let taps = geometry.passes[0].taps.count
    words = [UInt32](repeating: 0, count: max(1, geometry.groups * problem.rows * length))
    rows = [Int32](repeating: 0, count: 4 * max(1, offsets.count))
    words.withUnsafeMutableBufferPointer { words in
      for group in 0..<geometry.groups {
        let places = (0..<geometry.channels).flatMap { channel in
          (0..<taps).map { problem.place(group: group, channel: channel, tap: $0, span: span) }
        }
        for filter in 0..<geometry.filters {
          let index = group * geometry.filters + filter
          let row = words.baseAddress! + (group * problem.rows + filter) * length
          let first = index * places.count
          var sum = 0
          for (position, place) in places.enumerated() {
            let value = Int(weights.values[first + position])
            sum += value
            put(place, value - offsets[index], row)
          }
          rows[4 * index + 1] = Int32(truncatingIfNeeded: sum)
          rows[4 * index + 2] = Int32(truncatingIfNeeded: offsets[index])
        }
      }
    }
  }
}
