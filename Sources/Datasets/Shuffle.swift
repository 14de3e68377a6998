/// A permutation of `0..<count` that takes no memory: a Feistel network over the smallest even number
/// of bits that holds `count`, walked until the value is in range.
///
/// Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains" (2002), cycle walking.
struct Shuffle: Sendable {
  private let count: UInt64
  private let halfBits: UInt64
  private let keys: [UInt64]

  init(count: Int, seed: UInt64) {
    self.count = UInt64(count)
    var half: UInt64 = 1
    while half < 31 && UInt64(1) << (2 * half) < UInt64(count) { half += 1 }
    halfBits = half
    var generator = SplitMix64(state: seed)
    keys = (0..<6).map { _ in generator.next() }
  }

  /// Where `index` goes.
  func callAsFunction(_ index: Int) -> Int {
    precondition(UInt64(index) < count, "\(index) is not below \(count)")
    var value = UInt64(index)
    repeat { value = permuted(value) } while value >= count
    return Int(value)
  }

  private func permuted(_ value: UInt64) -> UInt64 {
    let mask = UInt64(1) << halfBits - 1
    var left = value >> halfBits
    var right = value & mask
    for key in keys {
      var mix = SplitMix64(state: key ^ right)
      (left, right) = (right, left ^ mix.next() & mask)
    }
    return left << halfBits | right
  }
}
