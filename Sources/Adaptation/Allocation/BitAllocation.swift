/// Bits of tensors, what they cost, and how good they are.
public struct AllocatedBits: Sendable, Hashable {
  /// Bits of each tensor.
  public var bits: [Int]
  /// The sum of squared differences from the originals.
  public var squaredError: Int
  /// Coded bytes.
  public var bytes: Int

  /// An allocation.
  public init(bits: [Int], squaredError: Int, bytes: Int) {
    self.bits = bits
    self.squaredError = squaredError
    self.bytes = bytes
  }

  /// Squared error and bits, weighed.
  public func cost(_ lambda: Double) -> Double { Double(squaredError) + lambda * 8 * Double(bytes) }
}

/// How bits are searched for.
public enum AllocationSearch: String, Sendable, CaseIterable, Encodable {
  /// From the most bits on, the single reduction that lowers the cost most, while one does.
  case greedy
  /// All combinations.
  case exhaustive
  /// The same number for all tensors that have it among their choices, else their next larger one.
  case uniform
}

/// The search for the bits of tensors with the least `squared error + lambda * coded bits`.
public struct BitAllocation {
  /// The numbers of bits that each tensor may have, most first.
  public let choices: [[Int]]
  /// What a bit costs in squared error.
  public let lambda: Double
  /// The most combinations that are tried exhaustively.
  public static let mostCombinations = 1 << 16

  /// What squared error and bytes a network with given bits has.
  private let measure: ([Int]) throws -> AllocatedBits
  private var known: [[Int]: AllocatedBits] = [:]

  /// A search.
  ///
  /// - Parameters:
  ///   - choices: The numbers of bits that each tensor may have, each at least one.
  ///   - lambda: What a bit costs in squared error.
  ///   - measure: What a network with given bits costs; called once for each combination.
  public init(
    choices: [[Int]], lambda: Double, measure: @escaping ([Int]) throws -> AllocatedBits
  ) {
    precondition(choices.allSatisfy { !$0.isEmpty }, "a tensor has no choice of bits")
    self.choices = choices.map { Set($0).sorted(by: >) }
    self.lambda = lambda
    self.measure = measure
  }

  /// How many combinations have been measured.
  public var measuredCount: Int { known.count }

  /// The combinations that there are; `nil` for more than ``mostCombinations``.
  public var combinationCount: Int? {
    var count = 1
    for choice in choices {
      count *= choice.count
      if count > Self.mostCombinations { return nil }
    }
    return count
  }

  /// Searches.
  ///
  /// - Precondition: ``combinationCount`` is known for the exhaustive search.
  public mutating func run(_ search: AllocationSearch) throws -> AllocatedBits {
    switch search {
    case .greedy: try greedy()
    case .exhaustive: try exhaustive()
    case .uniform: try uniform().min { $0.cost(lambda) < $1.cost(lambda) } ?? measured(most)
    }
  }

  /// What one number of bits for all tensors costs, for each number among the choices, most bits first; a
  /// tensor that has no such choice gets its next larger one, or its largest where none is. Numbers that
  /// give the same as the one before are left out.
  public mutating func uniform() throws -> [AllocatedBits] {
    var found: [AllocatedBits] = []
    for bits in Set(choices.joined()).sorted(by: >) {
      let row = choices.map { choice in choice.last { $0 >= bits } ?? choice[0] }
      if row != found.last?.bits { found.append(try measured(row)) }
    }
    return found
  }

  private var most: [Int] { choices.map { $0[0] } }

  private mutating func greedy() throws -> AllocatedBits {
    var best = try measured(most)
    while true {
      var next: AllocatedBits?
      for (tensor, choice) in choices.enumerated() {
        guard let lower = choice.first(where: { $0 < best.bits[tensor] }) else { continue }
        var bits = best.bits
        bits[tensor] = lower
        let found = try measured(bits)
        if found.cost(lambda) < (next ?? best).cost(lambda) { next = found }
      }
      guard let next else { return best }
      best = next
    }
  }

  private mutating func exhaustive() throws -> AllocatedBits {
    precondition(combinationCount != nil, "too many combinations")
    var best = try measured(most)
    var places = choices.map { _ in 0 }
    while let tensor = places.indices.last(where: { places[$0] + 1 < choices[$0].count }) {
      places[tensor] += 1
      for later in places.indices where later > tensor { places[later] = 0 }
      let found = try measured(zip(choices, places).map { $0[$1] })
      if found.cost(lambda) < best.cost(lambda) { best = found }
    }
    return best
  }

  private mutating func measured(_ bits: [Int]) throws -> AllocatedBits {
    if let found = known[bits] { return found }
    let found = try measure(bits)
    known[bits] = found
    return found
  }
}
