/// The probability of a bin as ISO/IEC 15938-17 estimates it: two exponential means of different pace
/// and their sum, from which a table gives the range of the less probable symbol.
struct AdaptiveBin {
  /// The faster mean, in units of 1/128.
  private var fast: Int32
  /// The sum of both means, in units of 1/2048; not negative where 1 is more probable.
  private var sum: Int32
  private let fastShift: Int32
  private let slowShift: Int32

  /// A bin at the beginning of a tensor.
  ///
  /// - Parameter parameters: Which of ``parameterSets``.
  init(parameters: Int = 0) {
    let set = Self.parameterSets[parameters]
    fastShift = set.fastShift
    slowShift = set.slowShift
    fast = set.fast
    sum = set.sum
  }

  /// The more probable symbol.
  var moreProbable: Bool { sum >= 0 }

  /// The part of `range` that the less probable symbol has.
  func lessProbableRange(of range: UInt32) -> UInt32 {
    UInt32(rangeTable[Int(abs(sum >> 7)) + Int(range & 0xe0)])
  }

  /// Moves both means towards `bin`.
  mutating func update(_ bin: Bool) {
    let sign: Int32 = bin ? 1 : -1
    var slow = sum - 16 * fast
    fast += sign * (steps[16 + Int((sign * fast) >> 3)] >> fastShift)
    slow += sign * (steps[16 + Int((sign * slow) >> 7)] >> slowShift)
    sum = slow + 16 * fast
  }

  /// About how many bits `bin` takes, in units of 2^-15: by the range that it leaves of 368, the middle
  /// of those that occur.
  func cost(of bin: Bool) -> Int {
    let state = Int(abs(sum >> 7))
    return bin == moreProbable ? moreProbableCosts[state] : lessProbableCosts[state]
  }

  /// Paces and first values of the means: the first set is the default, the others an encoder may
  /// choose for each bin of a tensor.
  static let parameterSets: [(fastShift: Int32, slowShift: Int32, sum: Int32, fast: Int32)] = [
    (5, 4, 0, 0), (5, 4, -1310, -41), (5, 4, 3039, 95), (4, 5, 0, 0), (6, 6, 962, 30),
    (6, 6, 3039, 95), (6, 6, -673, -21), (7, 5, 0, 0), (7, 5, 962, 30),
  ]
}

/// How far a mean moves, by its own value: much where the bin surprises, little where it does not.
private let steps: [Int32] = [
  2512, 2288, 2064, 1840, 1616, 1392, 1168, 944, 720, 560, 464, 368, 272, 208, 144, 80,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 0,
]

/// Ranges of the less probable symbol: a row for each eighth of the range from 256 on, a column for
/// each of 32 probabilities from one half down.
private let rangeTable: [UInt8] = [
  128, 112, 97, 84, 74, 65, 57, 50, 45, 39, 34, 30, 27, 23, 20, 18,
  15, 14, 12, 11, 10, 9, 7, 7, 5, 5, 4, 4, 3, 3, 2, 2,
  142, 125, 108, 93, 82, 72, 63, 56, 50, 43, 38, 33, 30, 26, 22, 20,
  17, 16, 13, 12, 11, 10, 8, 8, 6, 6, 5, 5, 3, 3, 2, 2,
  156, 137, 119, 103, 90, 79, 70, 61, 55, 48, 42, 37, 33, 28, 24, 22,
  19, 17, 15, 13, 12, 11, 9, 9, 6, 6, 5, 5, 4, 4, 2, 2,
  171, 150, 130, 112, 99, 87, 76, 67, 60, 52, 46, 40, 36, 31, 27, 24,
  21, 19, 16, 15, 13, 12, 10, 10, 7, 7, 6, 6, 4, 4, 3, 3,
  185, 162, 141, 121, 107, 94, 82, 73, 65, 56, 50, 43, 39, 34, 29, 26,
  22, 21, 17, 16, 14, 13, 11, 11, 8, 8, 6, 6, 4, 4, 3, 3,
  199, 175, 152, 131, 115, 101, 89, 78, 70, 61, 54, 47, 42, 36, 31, 28,
  24, 22, 19, 17, 15, 14, 12, 12, 8, 8, 7, 7, 5, 5, 3, 3,
  213, 187, 163, 140, 123, 108, 95, 84, 75, 65, 58, 50, 45, 39, 33, 30,
  26, 24, 20, 18, 16, 15, 13, 13, 9, 9, 7, 7, 5, 5, 3, 3,
  228, 200, 174, 150, 132, 116, 102, 90, 80, 70, 62, 54, 48, 42, 36, 32,
  28, 26, 22, 20, 18, 16, 14, 14, 10, 10, 8, 8, 6, 6, 4, 4,
]

private let middleRange = 368
private let lessProbableCosts: [Int] = (0..<32).map { state in
  binaryLogarithm(middleRange) - binaryLogarithm(Int(rangeTable[96 + state]))
}
private let moreProbableCosts: [Int] = (0..<32).map { state in
  binaryLogarithm(middleRange) - binaryLogarithm(middleRange - Int(rangeTable[96 + state]))
}

/// The binary logarithm in units of 2^-15, in integers so that every machine chooses alike: the whole
/// part by the number of leading zeros, the rest by squaring.
private func binaryLogarithm(_ number: Int) -> Int {
  var logarithm = 63 - number.leadingZeroBitCount
  var value = UInt64(number) << UInt64(31 - logarithm)
  for _ in 0..<15 {
    value = (value * value) >> 31
    logarithm <<= 1
    if value >= 1 << 32 {
      value >>= 1
      logarithm |= 1
    }
  }
  return logarithm
}
