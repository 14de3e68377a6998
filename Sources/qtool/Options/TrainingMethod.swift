import ArgumentParser

/// Methods as settings of `qtool train`: `--method NAME` stands for options that were not given
/// otherwise.
enum TrainingMethod: String, ExpressibleByArgument, CaseIterable, Encodable {
  /// What the study in <doc:SchedulesCompared> found best: layers coded in every step, one after the other
  /// from the beginning on; after half of the epochs filters' codes are settled, portion by portion, and scales are trained on.
  case settle
  /// Layer by layer in fixed point, activations likewise: Gao et al., US 2020/0082269.
  case gao
  /// 1/N of the filters at a time: Yang et al., US 2021/0019606.
  case yang
  /// All at once, weights by their largest magnitude, activations by its running average over
  /// batches, the last layers finer: Sriram et al., US 2022/0044114.
  case sriram
  /// Neuron by neuron, derivatives through all quantizers: Sher et al., Mathematics 2023, 11(9), 2112.
  case sher

  /// Long names of options and their values; those of flags are `true` or `false`.
  ///
  /// - Parameter given: The values of options that were given, by their long names.
  private func settings(given: [String: [String]]) -> [(option: String, value: String)] {
    switch self {
    case .settle:
      // The defaults of the options themselves, as far as they go with what was given.
      var settings: [(option: String, value: String)] = []
      func isGiven(_ option: String, _ value: String) -> Bool {
        given[option]?.last?.hasPrefix(value) ?? false
      }
      if isGiven("scheme", "shift") || isGiven("running-range", "true") {
        settings.append(("learn-scales", "false"))
      }
      if isGiven("granularity", "group") || isGiven("ste", "previous") || isGiven("ste", "none") {
        settings.append(("unfrozen", "float"))
      }
      return settings
    case .gao:
      return [
        ("schedule", "layer"), ("unfrozen", "float"), ("learn-scales", "false"),
        ("scheme", "shift"), ("granularity", "tensor"),
      ]
    case .yang:
      return [
        ("schedule", "filter"), ("unfrozen", "float"), ("learn-scales", "false"), ("groups", "8"),
      ]
    case .sriram:
      return [
        ("schedule", "direct"), ("learn-scales", "false"), ("running-range", "true"),
        ("range", "minmax"), ("weight-range", "minmax"), ("first-last", "true"),
      ]
    case .sher:
      return [
        ("schedule", "neuron"), ("unfrozen", "float"), ("learn-scales", "false"),
        ("groups", "8"), ("ste", "all"),
      ]
    }
  }

  /// What `--method`, or its default, stands for in the arguments of the command `name`.
  ///
  /// - Parameter given: The values of options that were given, by their long names.
  static func settings(
    of command: String, given: [String: [String]]
  ) -> [(option: String, value: String)] {
    guard command == "train", given["bits"]?.last != "float" else { return [] }
    guard let name = given["method"]?.last else { return settle.settings(given: given) }
    return TrainingMethod(rawValue: name)?.settings(given: given) ?? []
  }
}
