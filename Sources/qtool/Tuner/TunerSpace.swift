import ArgumentParser
import LowBit

/// What the tuner varies: options of `quantize` by their names, and `limit`, the number of calibration
/// samples.
struct TunerSpace {
  /// A configuration that can be measured.
  struct Candidate {
    /// Its name in tables and records.
    var name: String
    /// The samples of calibration; `nil` for all that the data give.
    var limit: Int?
    /// The options of `quantize` that are varied.
    var arguments: [String]
    var settings: QuantizationSettings
  }

  /// The name of the axis that is no option.
  static let limitName = "limit"
  /// A table of more combinations than this is refused.
  static let mostCombinations = 10_000

  let space: ConfigurationSpace
  /// By the space's configurations.
  let candidates: [Candidate]
  /// The options given for all of them.
  let given: [String]

  /// Makes a space.
  ///
  /// - Parameters:
  ///   - axes: For every axis its values, each as texts: several for an option that repeats.
  ///   - sampleCount: The samples that there are.
  ///   - origin: What an error names.
  /// - Throws: `UsageError` for an axis that is none; ``UselessValue`` for a value that no possible
  ///   combination has.
  init(_ axes: [(name: String, values: [[String]])], sampleCount: Int, origin: String) throws {
    let settings = try QuantizationOptions.described
    let given = Configuration.given(settings)
    self.given = given.flatMap { Configuration.arguments(for: $0.setting, $0.values) }
    let known = Dictionary(settings.map { ($0.name, $0) }) { first, _ in first }
    try Self.check(axes, known, sampleCount, given: Set(given.map(\.setting.name)), origin)
    let arguments = axes.map { axis in
      axis.values.map { value in
        known[axis.name].map { Configuration.arguments(for: $0, value) } ?? []
      }
    }
    let limits = axes.firstIndex { $0.name == Self.limitName }
    var found: [Candidate] = []
    var reasons: [[Int]: String] = [:]
    let named = axes.map { axis in
      ConfigurationSpace.Axis(axis.name, axis.values.map { $0.joined(separator: " ") })
    }
    let names = ConfigurationSpace(named.map { .init($0.name, $0.values) })
    space = try ConfigurationSpace(named) { [given = self.given] choice in
      let own = zip(arguments, choice).flatMap { $0[$1] }
      do {
        found.append(
          Candidate(
            name: names.name(of: choice),
            limit: limits.flatMap { Int(axes[$0].values[choice[$0]].joined()) }, arguments: own,
            settings: try QuantizationOptions.parsed(given + own)))
        return true
      } catch let error as UnusableOptions {
        reasons[choice] = error.description
        return false
      }
    }
    candidates = found
    for (place, axis) in axes.enumerated() {
      for (number, value) in axis.values.enumerated()
      where !space.configurations.contains(where: { $0[place] == number }) {
        let reason = reasons.filter { $0.key[place] == number }.min {
          $0.key.lexicographicallyPrecedes($1.key)
        }
        throw UselessValue(
          axis: axis.name, value: value,
          description:
            "\(origin): \(axis.name) = '\(value.joined(separator: " "))': \(reason?.value ?? "")")
      }
    }
  }

  /// Combinations that contradict themselves and were left out.
  var impossible: Int { space.axes.reduce(1) { $0 * $1.values.count } - candidates.count }

  private static func check(
    _ axes: [(name: String, values: [[String]])], _ known: [String: Setting], _ sampleCount: Int,
    given: Set<String>, _ origin: String
  ) throws(UsageError) {
    guard !axes.isEmpty else { throw UsageError("\(origin): nothing is varied") }
    var combinations = 1
    for axis in axes {
      guard known[axis.name] != nil || axis.name == limitName else {
        throw UsageError(
          "\(origin): '\(axis.name)' is neither an option of how models are quantized nor '\(limitName)'"
            + Configuration.nearest(axis.name, known.keys.sorted()))
      }
      guard !given.contains(axis.name) else {
        throw UsageError("--\(axis.name) is given, and \(origin) varies it")
      }
      let texts = Set(axis.values.map { $0.joined(separator: " ") })
      guard !axis.values.isEmpty, texts.count == axis.values.count else {
        throw UsageError("\(origin): \(axis.name) has no value, or one twice")
      }
      combinations = combinations.multipliedReportingOverflow(by: axis.values.count).partialValue
      guard (1...mostCombinations).contains(combinations) else {
        throw UsageError("\(origin): more than \(mostCombinations) combinations")
      }
      guard axis.name == limitName else { continue }
      for text in axis.values.map({ $0.joined(separator: " ") }) {
        guard let count = Int(text), (1...sampleCount).contains(count) else {
          throw UsageError(
            "\(origin): \(limitName) = \(text): the data hold 1 to \(sampleCount) samples")
        }
      }
    }
  }
}

/// A value that goes with no other.
struct UselessValue: Error, CustomStringConvertible {
  var axis: String
  var value: [String]
  var description: String
}

// MARK: - Options as text

/// Options that contradict each other or have a value that they cannot have.
private struct UnusableOptions: Error, CustomStringConvertible { let description: String }

extension QuantizationOptions {
  /// The options as the argument parser describes them.
  static var described: [Setting] {
    get throws { try CommandSchema(of: OptionsAlone.self).settings }
  }

  /// The settings that arguments make.
  fileprivate static func parsed(_ arguments: [String]) throws(UnusableOptions)
    -> QuantizationSettings
  {
    do {
      let settings = try QuantizationOptions.parse(arguments).settings()
      try settings.checkSearchable()
      return settings
    } catch let error as SettingsError {
      throw UnusableOptions(description: "\(error)")
    } catch let error as UsageError {
      throw UnusableOptions(description: "\(error)")
    } catch {
      throw UnusableOptions(description: OptionsAlone.message(for: error))
    }
  }
}

private struct OptionsAlone: ParsableCommand {
  @OptionGroup var options: QuantizationOptions
}
