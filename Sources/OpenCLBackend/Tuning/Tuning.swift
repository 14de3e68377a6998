/// What was found to be fast on a device: numbers for some of ``TunableParameter/all``; the others keep
/// their standard.
public struct Tuning: Sendable, Hashable {
  private var values: [String: [Int]] = [:]

  /// No findings.
  public init() {}

  /// The numbers of a parameter; `nil` for the standard.
  public subscript(_ parameter: TunableParameter) -> [Int]? {
    get { values[parameter.name] }
    set { values[parameter.name] = newValue }
  }

  /// Whether nothing differs from the standard.
  public var isEmpty: Bool { values.isEmpty }

  /// The names of parameters and their numbers, sorted by name.
  public var findings: [(name: String, numbers: [Int])] {
    values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

extension DeviceFacts {
  /// The numbers of a parameter: those found, else the standard.
  public func numbers(_ parameter: TunableParameter) -> [Int] {
    tuning[parameter] ?? parameter.standard(self)
  }

  /// The number of a parameter that has one.
  func number(_ parameter: TunableParameter) -> Int { numbers(parameter)[0] }
}
