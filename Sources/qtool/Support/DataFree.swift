import Checksums
import LowBit

/// What `qtool quantize --data-free` does in place of calibration.
struct DataFree {
  /// Where the elements of inputs lie, if that is stated.
  var inputRange: ClosedRange<Float>?
  /// How many deviations from the mean ranges reach.
  var reach = ValueExpectation.usualReach

  /// Reads `LOW:HIGH`.
  static func range(_ text: String) throws -> ClosedRange<Float> {
    let ends = text.split(separator: ":", omittingEmptySubsequences: false).map { Float($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], low.isFinite, high.isFinite,
      low <= high
    else {
      throw UsageError("--input-range \(text): LOW:HIGH is needed, as in 0:1")
    }
    return low...high
  }

  /// Settings that need no data: those given, or an error that names what does.
  static func settings(
    _ settings: QuantizationSettings, changed: Set<String>
  ) throws -> QuantizationSettings {
    var settings = settings
    let meaningless = changed.intersection(["allow-nonfinite", "seed"])
    guard meaningless.isEmpty else {
      throw UsageError(
        "without meaning with --data-free: "
          + meaningless.sorted().map { "--\($0)" }.joined(separator: ", "))
    }
    guard !changed.contains("range") || settings.activations.range == .minmax else {
      throw UsageError(
        "--range \(settings.activationRange) chooses by how data are distributed: with --data-free "
          + "ranges are those that normalizations tell")
    }
    settings.activations.range = .minmax
    if !changed.contains("improve") {
      if settings.improvements.contains(.bias) { settings.improvements.insert(.analyticBias) }
      settings.improvements.subtract(Improvement.observing)
    }
    if let pass = settings.improvements.intersection(Improvement.observing).sorted().first {
      throw UsageError(
        "--improve \(pass.rawValue) needs data"
          + (pass == .bias ? "; without, it is '\(Improvement.analyticBias.rawValue)'" : ""))
    }
    return settings
  }

  /// What a file and a page say of where ranges come from.
  func calibration(
    of model: FloatModel, _ statistics: ExpectedStatistics
  ) throws -> QuantizationReport.Calibration {
    var sources = [
      "no data: BatchNorm statistics of \(statistics.normalizationCount) layers, ranges of "
        + "\(Float(reach)) deviations about the mean"
    ]
    if let inputRange {
      sources.append("inputs from \(inputRange.lowerBound) to \(inputRange.upperBound), as stated")
    }
    return .init(
      data: sources, samples: 0, statistics: "", model: SHA256.hexadecimal(try model.digest()))
  }
}
