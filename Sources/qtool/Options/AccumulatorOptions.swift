public import ArgumentParser
public import LowBit

/// The accumulators that a model is made for.
struct AccumulatorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Make scales such that no accumulator needs more, 8 to 32; with --scheme shift.",
      valueName: "bits"))
  var accumulatorBits: Int?

  @Option(
    help: ArgumentHelp(
      "What accumulators must hold before there are codes: guaranteed (L1 norm of weights times the "
        + "largest activation), approximate (the same with the layer's mean weight) or observed (the "
        + "largest output seen, times --accumulator-guard), which is the default.",
      valueName: "name"))
  var accumulatorEstimate: AccumulatorEstimate?

  @Option(
    help: ArgumentHelp(
      "The guard of the estimate 'observed', at least 1; else 2.", valueName: "factor"))
  var accumulatorGuard: Double?

  @Flag(
    name: .customLong("accumulator-proof"), inversion: .prefixedNo,
    help:
      "Raise scales until the proof over integers holds; without, the estimate is all, and 'qtool verify' says where it fails."
  )
  var provesAccumulators = true

  /// The settings that the options make; `nil` where no width is asked for.
  func settings() throws -> AccumulatorSettings? {
    guard let accumulatorBits else {
      guard accumulatorEstimate == nil, accumulatorGuard == nil, provesAccumulators else {
        throw UsageError(
          "--accumulator-estimate, --accumulator-guard and --no-accumulator-proof need "
            + "--accumulator-bits")
      }
      return nil
    }
    guard accumulatorGuard == nil || accumulatorEstimate ?? .observed == .observed else {
      throw UsageError("--accumulator-guard needs --accumulator-estimate observed")
    }
    return AccumulatorSettings(
      bits: accumulatorBits, estimate: accumulatorEstimate ?? .observed,
      guardFactor: accumulatorGuard ?? 2, isProven: provesAccumulators)
  }
}

extension AccumulatorEstimate: ExpressibleByArgument {}
