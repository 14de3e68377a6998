import ArgumentParser
import LowBit

/// Quantizers for groups of channels of activations.
struct ActivationGroupOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Cut activations that enter products with constant matrices into so many groups of channels, each with "
        + "a quantizer of its own; needs --data.",
      valueName: "count"))
  var activationGroups: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "With --activation-groups: channels of similar ranges come into one group.")
  var permuteChannels = true

  /// The settings; `nil` for one quantizer for each activation.
  func settings() throws -> ActivationGroupSettings? {
    guard let activationGroups else {
      guard permuteChannels else {
        throw UsageError("--no-permute-channels is for --activation-groups")
      }
      return nil
    }
    // One group is what there is without.
    guard activationGroups != 1 else { return nil }
    return ActivationGroupSettings(count: activationGroups, permutes: permuteChannels)
  }
}
