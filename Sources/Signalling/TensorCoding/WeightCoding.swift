import Bitstream

/// DeepCABAC: integers as the arithmetic code of ISO/IEC 15938-17.
enum WeightCoding {
  /// Codes `values`.
  ///
  /// - Parameters:
  ///   - unaryLength: Flags before a remainder; cabac_unary_length_minus1 + 1.
  ///   - choosesParameters: Whether every context may get the paces and first values that code it in the
  ///     fewest bits, at a cost of three bits and a flag each; done where fewer bytes come out.
  static func encode(
    _ values: [Int32], unaryLength: Int, choosesParameters: Bool = true
  ) -> [UInt8] {
    let count = WeightContexts.count(unaryLength: unaryLength)
    let plain = encode(
      values, unaryLength: unaryLength, parameters: [Int](repeating: 0, count: count))
    guard choosesParameters else { return plain }
    var survey = CostSurvey(contexts: count)
    survey.code(values, unaryLength: unaryLength)
    let chosen = encode(values, unaryLength: unaryLength, parameters: survey.best)
    return chosen.count < plain.count ? chosen : plain
  }

  private static func encode(
    _ values: [Int32], unaryLength: Int, parameters chosen: [Int]
  ) -> [UInt8] {
    var encoder = ArithmeticEncoder()
    var shiftContext = AdaptiveBin()
    for set in chosen {
      encoder.encode(set != 0, &shiftContext)
      if set != 0 { encoder.encodeBypassed(set - 1, 3) }
    }
    var writer = WeightWriter(
      encoder: encoder, contexts: chosen.map { AdaptiveBin(parameters: $0) })
    writer.code(values, unaryLength: unaryLength)
    return writer.encoder.finish()
  }

  /// Decodes `count` integers, which must be all that `bytes` hold.
  ///
  /// Memory grows with what has been decoded, and every element takes its share of a byte: data that
  /// promise more than they hold end with an error.
  static func decode(
    _ bytes: [UInt8], count: Int, unaryLength: Int
  ) throws(BitstreamError) -> [Int32] {
    var decoder = try ArithmeticDecoder(bytes)
    var shiftContext = AdaptiveBin()
    var chosen: [Int] = []
    for _ in 0..<WeightContexts.count(unaryLength: unaryLength) {
      let isChosen = try decoder.decode(&shiftContext)
      chosen.append(isChosen ? 1 + (try decoder.decodeBypassed(3)) : 0)
    }
    var contexts = WeightContexts(unaryLength: unaryLength, chosen: chosen)
    var values: [Int32] = []
    values.reserveCapacity(min(count, 64 * bytes.count))
    var previous = 0
    for _ in 0..<count {
      previous = try contexts.decodeValue(after: previous, &decoder)
      values.append(Int32(previous))
    }
    try decoder.finish()
    return values
  }
}

extension WeightContexts {
  fileprivate mutating func decodeValue(
    after previous: Int, _ decoder: inout ArithmeticDecoder
  ) throws(BitstreamError) -> Int {
    let neighbour = Self.neighbour(previous)
    guard try decoder.decode(&significance[neighbour]) else { return 0 }
    let isNegative = try decoder.decode(&sign[neighbour])
    var magnitude = 1
    var flag = 0
    while flag < unaryLength, try decoder.decode(&greater[2 * flag + (isNegative ? 1 : 0)]) {
      magnitude += 1
      flag += 1
    }
    if flag == unaryLength {
      var number = 0
      while try decoder.decode(&group[number]) {
        magnitude += 1 << number
        number += 1
        guard number < Self.groupCount else { throw Self.tooLarge }
      }
      magnitude += try decoder.decodeBypassed(number)
    }
    guard magnitude <= Int(Int32.max) else { throw Self.tooLarge }
    return isNegative ? -magnitude : magnitude
  }

  private static var tooLarge: BitstreamError {
    BitstreamError(byte: 0, element: "coded weights", "a value has more than 32 bits")
  }
}

/// Writes bins.
private struct WeightWriter: BinCoder {
  var encoder: ArithmeticEncoder
  var contexts: [AdaptiveBin]

  mutating func bin(_ bin: Bool, _ context: Int) { encoder.encode(bin, &contexts[context]) }

  mutating func bypassed(_ bins: Int, _ count: Int) { encoder.encodeBypassed(bins, count) }
}

/// What the bins of every context cost by every parameter set.
private struct CostSurvey: BinCoder {
  private var bins: [[AdaptiveBin]]
  private var costs: [[Int]]

  init(contexts: Int) {
    let sets = AdaptiveBin.parameterSets.indices
    bins = [[AdaptiveBin]](
      repeating: sets.map { AdaptiveBin(parameters: $0) }, count: contexts)
    costs = [[Int]](repeating: [Int](repeating: 0, count: sets.count), count: contexts)
  }

  mutating func bin(_ bin: Bool, _ context: Int) {
    for set in AdaptiveBin.parameterSets.indices {
      costs[context][set] += bins[context][set].cost(of: bin)
      bins[context][set].update(bin)
    }
  }

  func bypassed(_ bins: Int, _ count: Int) {}

  /// The cheapest set of every context; another than the default costs three bits.
  var best: [Int] {
    costs.map { costs in
      var best = 0
      for set in costs.indices.dropFirst()
      where costs[set] + 3 << 15 < costs[best] + (best == 0 ? 0 : 3 << 15) {
        best = set
      }
      return best
    }
  }
}
