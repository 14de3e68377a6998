import Graph
import Operations

/// Arithmetic of codes in integers as attributes of nodes.
extension NodeReader {
  /// The combination that the attributes of an AddPacked or MultiplyPacked name.
  func combination() throws -> CodeCombination {
    let isSum = node.operatorType == "AddPacked"
    guard int("shift") != nil else {
      return .float(
        isSum ? .add : .multiply, aUnit: try required("scale", float("scale")),
        bUnit: try required("other_scale", float("other_scale")))
    }
    let shift = CodeShift(
      try number("shift", in: 0...62), roundsHalfUp: flag("rounds_half_up"))
    guard isSum else { return .product(multiplier: try multiplier(""), shift) }
    return .sum(try term(""), try term("other_"), shift)
  }

  /// The factor that the attributes of a pool name; `nil` where they name floats.
  func fixedPoint() throws -> (FixedPoint, roundsHalfUp: Bool)? {
    guard int("shift") != nil else { return nil }
    return (
      FixedPoint(multiplier: try multiplier(""), shift: try number("shift", in: 1...36)),
      flag("rounds_half_up")
    )
  }

  private func term(_ prefix: String) throws -> CodeTerm {
    CodeTerm(
      shift: try number("\(prefix)term_shift", in: 0...31), multiplier: try multiplier(prefix))
  }

  private func multiplier(_ prefix: String) throws -> Int32 {
    Int32(try number("\(prefix)multiplier", in: 0...Int(Int32.max)))
  }

  private func number(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    let number = try required(name, int(name))
    guard range.contains(number) else { throw invalid("attribute '\(name)' is \(number)") }
    return number
  }
}

extension CodeCombination {
  /// The attributes' names and kinds.
  static let kinds: [String: OperatorSignature.Kind] = [
    "scale": .float, "other_scale": .float, "multiplier": .int, "other_multiplier": .int,
    "term_shift": .int, "other_term_shift": .int, "shift": .int, "rounds_half_up": .int,
  ]

  /// The operator of packed codes that computes it.
  var operatorType: String {
    switch self {
    case .float(.add, _, _), .sum: "AddPacked"
    case .float, .product: "MultiplyPacked"
    }
  }

  /// The combination as attributes.
  var attributes: [String: Attribute] {
    switch self {
    case .float(_, let a, let b): ["scale": .float(a), "other_scale": .float(b)]
    case .sum(let a, let b, let shift):
      a.attributes("").merging(b.attributes("other_")) { $1 }.merging(shift.attributes) { $1 }
    case .product(let multiplier, let shift):
      shift.attributes.merging(["multiplier": .int(Int(multiplier))]) { $1 }
    }
  }
}

extension CodeTerm {
  fileprivate func attributes(_ prefix: String) -> [String: Attribute] {
    ["\(prefix)multiplier": .int(Int(multiplier)), "\(prefix)term_shift": .int(shift)]
  }
}

extension CodeShift {
  fileprivate var attributes: [String: Attribute] {
    ["shift": .int(count), "rounds_half_up": .int(roundsHalfUp ? 1 : 0)]
  }
}

extension CodePooling.Function {
  /// What a pool's attributes say about an average in integers.
  static let integerKinds: [String: OperatorSignature.Kind] = [
    "multiplier": .int, "shift": .int, "rounds_half_up": .int,
  ]

  /// The factor as attributes; none where there is none.
  var integerAttributes: [String: Attribute] {
    guard case .quotient(let factor, let roundsHalfUp, _, _) = self else { return [:] }
    return [
      "multiplier": .int(Int(factor.multiplier)), "shift": .int(factor.shift),
      "rounds_half_up": .int(roundsHalfUp ? 1 : 0),
    ]
  }
}
