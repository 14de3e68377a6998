import ArgumentParser

/// Published methods as settings of `qtool train`: `--method NAME` stands for options that were not
/// given otherwise.
enum TrainingMethod: String, ExpressibleByArgument, CaseIterable, Encodable {
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
  var settings: [(option: String, value: String)] {
    switch self {
    case .gao:
      [
        ("schedule", "layer"), ("unfrozen", "float"), ("scheme", "shift"),
        ("granularity", "tensor"),
      ]
    case .yang: [("schedule", "filter"), ("unfrozen", "float"), ("groups", "8")]
    case .sriram:
      [
        ("schedule", "direct"), ("running-range", "true"), ("range", "minmax"),
        ("weight-range", "minmax"), ("first-last", "true"),
      ]
    case .sher:
      [("schedule", "neuron"), ("unfrozen", "float"), ("groups", "8"), ("ste", "all")]
    }
  }

  /// What `--method` in the arguments of the command `name` stands for.
  static func settings(
    of command: String, in arguments: [String]
  ) -> [(option: String, value: String)] {
    guard command == "train", let name = GivenArguments.value(of: "method", in: arguments) else {
      return []
    }
    return TrainingMethod(rawValue: name)?.settings ?? []
  }
}
