import ArgumentParser
import LowBit

/// How rounding is learned.
struct ReconstructionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Steps for each layer of --improve adaround, or each block of --improve reconstruct; by default "
        + "\(ReconstructionSettings(scope: .layers).iterations).", valueName: "count"))
  var iterations: Int?

  @Option(
    help: ArgumentHelp(
      "Samples of such a step; by default \(ReconstructionSettings(scope: .layers).batch).",
      valueName: "count"))
  var batch: Int?

  /// The settings; `nil` where nothing is learned.
  func settings(
    for settings: QuantizationSettings, seed: UInt64
  ) throws -> ReconstructionSettings? {
    for (name, count) in [("iterations", iterations), ("batch", batch)] {
      guard let count else { continue }
      guard !settings.improvements.isDisjoint(with: Improvement.learning) else {
        throw UsageError("--\(name) is for --improve adaround or reconstruct")
      }
      guard count > 0 else { throw UsageError("--\(name) \(count): at least 1 is needed") }
    }
    guard let pass = settings.improvements.intersection(Improvement.learning).min() else {
      return nil
    }
    var learning = ReconstructionSettings(
      scope: pass == .adaround ? .layers : .blocks, seed: seed)
    learning.iterations = iterations ?? learning.iterations
    learning.batch = batch ?? learning.batch
    return learning
  }
}
