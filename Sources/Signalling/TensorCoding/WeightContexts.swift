/// The bins of an integer and the contexts of their probabilities: ISO/IEC 15938-17, clause 10.2, for
/// tensors without dependent quantization and without a predecessor.
///
/// An integer is a significance flag, a sign, up to ``unaryLength`` flags "the magnitude is greater than
/// 1, 2...", and a remainder: the number of a group of 1, 2, 4... integers in ones and a zero, then the
/// place in the group.
struct WeightContexts {
  /// How many flags come before a remainder.
  let unaryLength: Int
  /// Significance by the value before: 0, negative, positive.
  var significance: [AdaptiveBin]
  /// Signs by the same.
  var sign: [AdaptiveBin]
  /// Flags "greater", two for each number of them: positive, negative.
  var greater: [AdaptiveBin]
  /// Ones and zeros of the group's number.
  var group: [AdaptiveBin]

  /// All contexts with the default parameters.
  init(unaryLength: Int) {
    self.unaryLength = unaryLength
    significance = [AdaptiveBin](repeating: AdaptiveBin(), count: 3)
    sign = [AdaptiveBin](repeating: AdaptiveBin(), count: 3)
    greater = [AdaptiveBin](repeating: AdaptiveBin(), count: 2 * unaryLength)
    group = [AdaptiveBin](repeating: AdaptiveBin(), count: Self.groupCount)
  }

  /// Contexts with the parameter sets `chosen`, in the order of ``count``.
  init(unaryLength: Int, chosen: [Int]) {
    self.init(unaryLength: unaryLength)
    let bins = chosen.map { AdaptiveBin(parameters: $0) }
    significance = Array(bins[0..<3])
    sign = Array(bins[3..<6])
    greater = Array(bins[6..<6 + 2 * unaryLength])
    group = Array(bins[(6 + 2 * unaryLength)...])
  }

  /// Contexts for which parameters are chosen.
  static func count(unaryLength: Int) -> Int { 6 + 2 * unaryLength + groupCount }

  /// Groups of remainders: magnitudes below 2^31.
  static let groupCount = 31

  /// The context of a value's significance and sign by the value before.
  static func neighbour(_ value: Int) -> Int { value == 0 ? 0 : value < 0 ? 1 : 2 }
}

/// What is done with a bin: code it, count its cost.
protocol BinCoder {
  /// A bin with the context of this number, in the order of ``WeightContexts/count(unaryLength:)``.
  mutating func bin(_ bin: Bool, _ context: Int)
  /// Bins that are 0 and 1 equally often.
  mutating func bypassed(_ bins: Int, _ count: Int)
}

extension BinCoder {
  /// All bins of `values`.
  mutating func code(_ values: [Int32], unaryLength: Int) {
    var previous = 0
    for value in values {
      code(Int(value), after: previous, unaryLength: unaryLength)
      previous = Int(value)
    }
  }

  private mutating func code(_ value: Int, after previous: Int, unaryLength: Int) {
    let neighbour = WeightContexts.neighbour(previous)
    bin(value != 0, neighbour)
    guard value != 0 else { return }
    bin(value < 0, 3 + neighbour)
    let magnitude = abs(value)
    for flag in 0..<unaryLength {
      let isGreater = magnitude > flag + 1
      bin(isGreater, 6 + 2 * flag + (value < 0 ? 1 : 0))
      if !isGreater { return }
    }
    var rest = magnitude - unaryLength - 1
    var group = 0
    while rest >= 1 << group {
      bin(true, 6 + 2 * unaryLength + group)
      rest -= 1 << group
      group += 1
    }
    bin(false, 6 + 2 * unaryLength + group)
    bypassed(rest, group)
  }
}
