import ArgumentParser
import LowBit

/// Quantization of weights alone, and groups of them.
struct WeightOnlyOptions: ParsableArguments {
  @Flag(
    name: .customLong("weight-only"), inversion: .prefixedNo,
    help: "Quantize weights and leave activations in float; needs no data.")
  var isOn = false

  @Option(
    help: ArgumentHelp(
      "How many neighbouring weights of an output channel share a scale: --granularity group:N.",
      valueName: "count"))
  var groupSize: Int?

  @Flag(
    name: .customLong("weight-zero-points"), inversion: .prefixedNo,
    help: "With --weight-only: every scale of weights has a zero point as well.")
  var hasZeroPoints = false

  /// Puts the options into `settings`.
  func apply(to settings: inout QuantizationSettings) throws {
    if let groupSize {
      guard settings.granularity == .channel else {
        throw UsageError(
          "--group-size \(groupSize) and --granularity \(settings.granularity) say two things: give one"
        )
      }
      guard groupSize > 0 else {
        throw UsageError("--group-size \(groupSize): a group has at least one weight")
      }
      settings.granularity = .group(groupSize)
    }
    guard isOn || !hasZeroPoints else {
      throw UsageError(
        "--weight-zero-points: weights beside quantized activations have none; it is for --weight-only"
      )
    }
    settings.weightOnly = isOn ? WeightOnlySettings(hasZeroPoints: hasZeroPoints) : nil
  }
}
