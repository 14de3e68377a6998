import LowBit

extension QuantizationSettings {
  /// Refuses what only `quantize` does.
  func checkSearchable() throws(UsageError) {
    if let pass = improvements.intersection(Improvement.learning).min() {
      throw UsageError(
        "--improve \(pass.rawValue) is for 'qtool quantize': a search would learn for every model that it "
          + "measures")
    }
    guard activationRange != .crossEntropy else {
      throw UsageError("--range crossentropy: only 'qtool quantize' knows it")
    }
    for pass in [Improvement.absorb, .analyticBias] where improvements.contains(pass) {
      throw UsageError("--improve \(pass.rawValue): only 'qtool quantize' knows it")
    }
  }
}
