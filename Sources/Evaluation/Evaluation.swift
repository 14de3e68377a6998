/// How good a model is on data.
public struct Evaluation: Sendable, Hashable {
  /// Samples seen.
  public var samples = 0

  /// Samples in a batch.
  public var batch = 1

  /// Percent of samples whose class is the model's largest output; `nil` without labels, or where the
  /// output is no row of classes.
  public var top1: Double?

  /// Percent of samples whose class is among the model's five largest outputs.
  public var top5: Double?

  /// Mean peak signal-to-noise ratio in dB over super-resolution pairs.
  public var psnr: Double?

  /// Signal-to-noise ratio in dB of the model's output against the reference model's.
  public var sqnr: Double?

  /// Percent of samples for which model and reference model have the same largest output.
  public var agreement: Double?

  /// The shape of a sample's output when it is no row of classes (more than one extent is not 1), as
  /// of networks that detect or segment; ``top1``, ``top5`` and ``agreement`` are `nil` then.
  public var unclassifiedShape: [Int]?

  /// The reference model's ``top1``.
  public var referenceTop1: Double?

  /// The reference model's ``psnr``.
  public var referencePSNR: Double?

  /// Samples for which an output of the model holds a NaN.
  public var samplesWithNaN = 0

  /// Seconds from the first sample to the last, data included.
  public var seconds = 0.0
}
