import Operations
import Quantization

extension QuantizationPlan {
  /// Chooses the quantizer of a classifier's last activation by ``CrossEntropyRange``; the others keep
  /// theirs of least squared error. A warning says why where there is no such activation.
  mutating func chooseLastRange<B: Backend>(
    _ histograms: [String: Histogram], _ replay: CalibrationReplay,
    settings: QuantizationSettings, on backend: B
  ) throws {
    for name in values.keys { values[name]?.method = .mse }
    do {
      let classifier = try Classifier(self)
      guard let value = values[classifier.value], let start = value.quantizer,
        let histogram = histogram(of: value, histograms)
      else { preconditionFailure("'\(classifier.value)' was planned without a quantizer") }
      let range = CrossEntropyRange(
        classifier: classifier, replay: replay, backend: backend)
      let found = try range.best(
        of: CrossEntropyRange<B>.candidates(histogram, start: start), in: graph)
      for name in values.keys where values[name]?.group == value.group {
        values[name]?.quantizer = found.quantizer
        values[name]?.method = .crossEntropy
      }
      fitQuantizersToClips(settings)
    } catch let obstacle as Classifier.Obstacle {
      warnings.append(
        "crossentropy: all ranges are those of least squared error: \(obstacle.reason)")
    }
  }
}
