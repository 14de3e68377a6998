public import Operations
public import Quantization

extension QuantizationPlan {
  /// Gives every group of values its quantizer.
  ///
  /// - Parameters:
  ///   - histograms: What was observed of every value in ``observedValues``.
  ///   - settings: The range method and the scales allowed.
  ///   - chosen: The groups; `nil` for all. The others keep what they have, and nothing need be
  ///     observed of them.
  ///   - backend: Where least-squares searches run.
  /// - Throws: ``SettingsError`` naming a value that was not observed or has no finite elements.
  public mutating func assign<B: Backend>(
    _ histograms: [String: Histogram], settings: QuantizationSettings,
    to chosen: Set<String>? = nil, on backend: B
  ) throws {
    var merged: [String: (histogram: Histogram, levels: Int)] = [:]
    for (_, value) in values.sorted(by: { $0.key < $1.key })
    where merged[value.group] == nil && chosen?.contains(value.group) ?? true {
      if let missing = value.rangeSources.first(where: { histograms[$0] == nil }) {
        throw SettingsError("the statistics hold nothing about the value '\(missing)'")
      }
      guard let whole = histogram(of: value, histograms), whole.minimum != nil else {
        throw SettingsError("the value '\(value.group)' had no finite elements in the data")
      }
      merged[value.group] = (whole, value.levels)
    }
    var quantizers: [String: Quantizer] = [:]
    // One search for all groups of a level count: on a device that is one launch.
    for levels in Set(merged.values.map(\.levels)).sorted() {
      let groups = merged.filter { $0.value.levels == levels }.keys.sorted()
      let found = try backend.quantizers(
        from: groups.map { merged[$0]!.histogram }, levels: levels, settings: settings)
      for (group, quantizer) in zip(groups, found) { quantizers[group] = quantizer }
    }
    for group in merged.keys.sorted() { noteDegenerateRange(group, merged[group]!.histogram) }
    for name in values.keys {
      guard let quantizer = quantizers[values[name]!.group] else { continue }
      values[name]!.quantizer = quantizer
    }
    fitQuantizersToClips(settings)
  }

  /// What was observed of the values whose ranges decide a value's quantizer, together; `nil` where
  /// nothing was.
  package func histogram(of value: ValuePlan, _ histograms: [String: Histogram]) -> Histogram? {
    var whole: Histogram?
    for histogram in value.rangeSources.compactMap({ histograms[$0] }) {
      if whole?.merge(histogram) == nil { whole = histogram }
    }
    return whole
  }

  private mutating func noteDegenerateRange(_ group: String, _ histogram: Histogram) {
    guard let minimum = histogram.minimum, minimum == histogram.maximum else { return }
    warnings.append("'\(group)' had the one value \(minimum) in all samples")
  }
}
