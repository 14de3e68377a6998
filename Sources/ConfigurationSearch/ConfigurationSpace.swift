/// Configurations to choose from: combinations of one value from each of several axes.
public struct ConfigurationSpace: Sendable {
  /// Something that is varied.
  public struct Axis: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// What it can be; no two alike.
    public let values: [String]

    /// Makes an axis.
    public init(_ name: String, _ values: [String]) {
      precondition(!values.isEmpty && Set(values).count == values.count, "values of \(name)")
      self.name = name
      self.values = values
    }
  }

  /// What is varied.
  public let axes: [Axis]
  /// For each configuration, which value of each axis it has; the last axis changes fastest.
  public let configurations: [[Int]]

  /// Every combination.
  public init(_ axes: [Axis]) { self.init(axes) { _ in true } }

  /// Every combination that `isPossible`.
  public init(_ axes: [Axis], where isPossible: ([Int]) throws -> Bool) rethrows {
    self.axes = axes
    var all: [[Int]] = [[]]
    for axis in axes {
      all = all.flatMap { start in axis.values.indices.map { start + [$0] } }
    }
    configurations = try all.filter(isPossible)
  }

  /// `granularity=channel range=mse`: the axes by name, so that spaces of the same axes call what they have
  /// in common the same.
  public func name(of configuration: [Int]) -> String {
    zip(axes, configuration).sorted { $0.0.name < $1.0.name }
      .map { "\($0.name)=\($0.values[$1])" }.joined(separator: " ")
  }

  /// What a tree can ask about each configuration: of an axis of numbers the number, of others, for every
  /// part that commas separate, whether the value has it, so that what two chains of passes have in
  /// common is seen.
  public var features: [[Double]] {
    let columns = axes.map(Self.features(of:))
    return configurations.map { configuration in
      zip(columns, configuration).flatMap { $0[$1] }
    }
  }

  /// The features of each value of an axis.
  private static func features(of axis: Axis) -> [[Double]] {
    let numbers = axis.values.compactMap(Double.init)
    if numbers.count == axis.values.count { return numbers.map { [$0] } }
    let parts = axis.values.map { Set($0.split(separator: ",")) }
    let names = Array(parts.reduce(Set()) { $0.union($1) }).sorted()
    return parts.map { own in names.map { own.contains($0) ? 1 : 0 } }
  }
}
