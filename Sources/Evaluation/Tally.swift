import Datasets

/// What is counted while samples go by.
struct Tally {
  private var samples = 0
  private var samplesWithNaN = 0
  private var score = ClassificationScore()
  private var referenceScore = ClassificationScore()
  private var noise = SignalToNoise()
  private var agreements = 0
  private var hasReference = false

  /// Whether the samples have labels.
  private(set) var hasLabels = false
  /// The shape of an output that is no row of classes.
  private(set) var unclassifiedShape: [Int]?

  /// Counts a sample's output of `shape`, and the reference model's.
  mutating func add(
    _ outputs: ArraySlice<Double>, shape: [Int], reference: ArraySlice<Double>?, _ sample: Sample
  ) throws(DataError) {
    if samples == 0 {
      hasLabels = sample.label != nil
      unclassifiedShape = shape.count { $0 != 1 } > 1 ? shape : nil
    }
    guard hasLabels == (sample.label != nil) else {
      throw DataError(
        "\(sample.name): \(hasLabels ? "has no" : "has a") label, unlike the samples before it")
    }
    samples += 1
    if outputs.contains(where: \.isNaN) { samplesWithNaN += 1 }
    if let label = sample.label, unclassifiedShape == nil {
      guard outputs.indices.contains(outputs.startIndex + label.index), label.index >= 0 else {
        throw DataError(
          "\(sample.name): has label \(label.index), and the model's output has \(outputs.count) classes; "
            + "labels=none leaves labels aside")
      }
      score.add(outputs: outputs, label: label.index)
      if let reference { referenceScore.add(outputs: reference, label: label.index) }
    }
    guard let reference else { return }
    guard reference.count == outputs.count else {
      throw DataError(
        "\(sample.name): the model's output has \(outputs.count) values, the reference model's "
          + "\(reference.count)")
    }
    hasReference = true
    for (value, expected) in zip(outputs, reference) { noise.add(value, reference: expected) }
    if Self.largest(outputs) == Self.largest(reference) { agreements += 1 }
  }

  /// The scores.
  var evaluation: Evaluation {
    var result = Evaluation()
    result.samples = samples
    result.samplesWithNaN = samplesWithNaN
    result.unclassifiedShape = unclassifiedShape
    if hasLabels, unclassifiedShape == nil {
      result.top1 = score.top1
      result.top5 = score.top5
      if hasReference { result.referenceTop1 = referenceScore.top1 }
    }
    if hasReference {
      result.sqnr = noise.decibels
      if unclassifiedShape == nil {
        result.agreement = 100 * Double(agreements) / Double(samples)
      }
    }
    return result
  }

  private static func largest(_ values: ArraySlice<Double>) -> Int? {
    values.indices.max { values[$0] < values[$1] || (values[$0] == values[$1] && $0 > $1) }
      .map { $0 - values.startIndex }
  }
}
