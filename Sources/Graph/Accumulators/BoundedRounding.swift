/// Rounds the weights of a filter to the nearest codes whose sums keep a ``CodeBudget``.
///
/// The codes minimise `sum (u - q)^2` over all integers `q` within their limits that keep the budget, `u`
/// being weights in units of their scale: the Euclidean projection onto the l1-ball (Duchi et al.,
/// "Efficient Projections onto the l1-Ball for Learning in High Dimensions", ICML 2008) with integers in
/// place of reals. There is no rounding behind it that could break the budget or leave some of it unused.
/// As the error is convex in every code, a greedy choice is the best one: beginning with the nearest codes,
/// one step towards 0 at a time is taken where it adds least. A step from m to m - 1 adds
/// `2 (|u| - m) + 1`; of equal ones the first weight's comes first.
public struct BoundedRounding: Sendable {
  /// The codes.
  public private(set) var codes: [Int]
  /// The weights that share a budget which their nearest codes would not have kept.
  public private(set) var isBound: [Bool]
  /// The codes that are possible.
  private let limits: ClosedRange<Int>
  /// Whether codes of both signs have one budget.
  private let sharesBudget: Bool

  /// - Parameters:
  ///   - quotients: Weights divided by their scale; what is not a number counts as 0.
  ///   - limits: The codes that there are, zero among them.
  ///   - budget: What the codes may sum up to.
  public init(_ quotients: [Float], limits: ClosedRange<Int>, budget: CodeBudget) {
    self.limits = limits
    // Beyond any code: an infinity has no distance that could be compared.
    let largest = Float(0x1p20)
    let quotients = quotients.map { $0.isNaN ? 0 : min(max($0, -largest), largest) }
    codes = quotients.map {
      min(max(Int($0.rounded(.toNearestOrEven)), limits.lowerBound), limits.upperBound)
    }
    isBound = [Bool](repeating: false, count: codes.count)
    switch budget {
    case .total(let total):
      sharesBudget = true
      reduce(Array(codes.indices), to: total, quotients)
    case .signs(let positive, let negative):
      sharesBudget = false
      reduce(codes.indices.filter { codes[$0] > 0 }, to: positive, quotients)
      reduce(codes.indices.filter { codes[$0] < 0 }, to: negative, quotients)
    }
  }

  /// Moves the codes at `places` towards 0 until the sum of their magnitudes is `limit`.
  private mutating func reduce(_ places: [Int], to limit: Int, _ quotients: [Float]) {
    var excess = places.reduce(0) { $0 + abs(codes[$1]) } - limit
    guard excess > 0 else { return }
    for place in places { isBound[place] = true }
    // A step from m to m - 1 has the key |u| - m: those of a weight are its first and every number that
    // is larger by a whole one, as often as its code allows.
    let steps = places.filter { codes[$0] != 0 }.map { place in
      let count = abs(codes[place])
      let own = codes[place] < 0 ? -Double(quotients[place]) : Double(quotients[place])
      return (place: place, first: own - Double(count), count: count)
    }
    func taken(_ step: (place: Int, first: Double, count: Int), below key: Double) -> Int {
      min(max(Int((key - step.first).rounded(.up)), 0), step.count)
    }
    // The largest whole key below which there are no more steps than are needed.
    var (key, end) = (-1, 1 << 21)
    while end - key > 1 {
      let middle = (key + end) / 2
      let count = steps.reduce(0) { $0 + taken($1, below: Double(middle)) }
      if count <= excess { key = middle } else { end = middle }
    }
    var next: [(key: Double, place: Int)] = []
    for step in steps {
      let count = taken(step, below: Double(key))
      move(step.place, by: count)
      excess -= count
      let following = step.first + Double(count)
      if count < step.count, following < Double(key + 1) { next.append((following, step.place)) }
    }
    for step in next.sorted(by: { ($0.key, $0.place) < ($1.key, $1.place) }).prefix(excess) {
      move(step.place, by: 1)
    }
  }

  private mutating func move(_ place: Int, by count: Int) {
    codes[place] -= codes[place].signum() * count
  }

  /// For every weight the derivative of its value, code times scale, by the scale.
  ///
  /// Where no budget binds it is that of learned step sizes, `q - u` within the limits and `q` outside.
  /// Where one does, larger scales leave the budget's codes the same sum: with `q ~ |u| - t` for those
  /// that are not 0 and the t that keeps their sum it is `q - u + mean u` over these, towards their signs,
  /// and none for those that are 0.
  public func slopes(_ quotients: [Float]) -> [Float] {
    let free = codes.indices.filter {
      isBound[$0] && codes[$0] != 0 && codes[$0] > limits.lowerBound
        && codes[$0] < limits.upperBound
    }
    var means: [Int: Double] = [:]
    for (sign, own) in Dictionary(grouping: free, by: { budgetOf(codes[$0]) }) {
      means[sign] = own.reduce(0) { $0 + Double(quotients[$1].magnitude) } / Double(own.count)
    }
    return codes.indices.map { place in
      let (code, quotient) = (codes[place], quotients[place])
      guard isBound[place] else {
        let isInside = quotient >= Float(limits.lowerBound) && quotient <= Float(limits.upperBound)
        return isInside ? Float(code) - quotient : Float(code)
      }
      guard code > limits.lowerBound, code < limits.upperBound, code != 0,
        let mean = means[budgetOf(code)]
      else { return Float(code) }
      let sign = Double(code.signum())
      return Float(Double(code) - Double(quotient) + sign * mean)
    }
  }

  /// Which budget a code is of: all have one where codes of both signs are bound together.
  private func budgetOf(_ code: Int) -> Int { sharesBudget ? 0 : code.signum() }
}
