/// What the log says of a part of training: the steps of one stage within one epoch.
public struct TrainingRecord: Sendable, Codable, Hashable {
  /// The stage, counted from 1.
  public var stage: Int
  /// The stage in words.
  public var stageName: String
  /// The epoch, counted from 1.
  public var epoch: Int
  /// Steps done at the end.
  public var step: Int
  /// Steps in all.
  public var steps: Int
  /// The mean of the steps' losses.
  public var loss: Double
  /// Percent of the samples whose label was the largest output, before each step; where there are
  /// labels.
  public var accuracy: Double?
  /// The rate of the last step.
  public var rate: Float
  /// Samples a second, of the steps alone.
  public var imagesPerSecond: Double
  /// Percent of the validation data whose class is the largest output, after the last step.
  public var validationTop1: Double?
  /// Mean peak signal-to-noise ratio in dB of enlarged pictures, where these are the validation data.
  public var validationPSNR: Double?
  /// Decibels between the outputs for the validation data and those of the reference model.
  public var validationSQNR: Double?
}

/// Training that cannot go on, and where it stopped.
public struct TrainingStopped: Error, Sendable, CustomStringConvertible {
  /// The error in words.
  public let description: String

  init(_ error: LossNotFinite, stage: TrainingStage, epoch: Int, step: Int) {
    description =
      "the loss became \(error.loss) in step \(step) (epoch \(epoch), stage '\(stage.name)'); a lower "
      + "rate, a warm-up or a limit of the gradient's norm may keep it finite"
  }
}
