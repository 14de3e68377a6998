import Glibc

/// How often the right class is the largest output, or among the five largest.
public struct ClassificationScore: Sendable, Hashable {
  /// Samples counted.
  public private(set) var count = 0
  private var first = 0
  private var firstFive = 0

  /// Nothing counted yet.
  public init() {}

  /// Counts a sample.
  ///
  /// Of equal outputs the one with the lower index counts as larger, as NumPy's `argmax` has it. A
  /// NaN at the label's place counts as wrong; elsewhere it counts as larger than the label's.
  public mutating func add(outputs: some Collection<Double>, label: Int) {
    count += 1
    guard let own = outputs.dropFirst(label).first, !own.isNaN else { return }
    var larger = 0
    for (index, value) in outputs.enumerated() where index != label {
      if value.isNaN || value > own || (value == own && index < label) { larger += 1 }
    }
    if larger < 1 { first += 1 }
    if larger < 5 { firstFive += 1 }
  }

  /// Percent of samples whose class is the largest output.
  public var top1: Double { 100 * Double(first) / Double(count) }

  /// Percent of samples whose class is among the five largest outputs.
  public var top5: Double { 100 * Double(firstFive) / Double(count) }
}

/// Signal-to-quantization-noise ratio: `10 log10(sum r^2 / sum (x - r)^2)` in dB over everything
/// added, `r` being the reference's value. Infinite when nothing differs.
public struct SignalToNoise: Sendable, Hashable {
  private var signal = 0.0
  private var noise = 0.0

  /// Nothing added yet.
  public init() {}

  /// Adds a value and the reference's.
  public mutating func add(_ value: Double, reference: Double) {
    signal += reference * reference
    noise += (value - reference) * (value - reference)
  }

  /// The ratio in dB.
  public var decibels: Double {
    // The floor keeps silence from dividing by zero; 1e-30 is far below any float's square here.
    noise == 0 ? .infinity : 10 * log10(max(signal, 1e-30) / noise)
  }
}
