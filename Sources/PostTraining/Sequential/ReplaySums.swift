import Calibration
import Graph
import Tensors

/// Moments of what some values' readers meet, over samples that run one batch after the other.
struct ReplaySums {
  /// Samples that were left out.
  var leftOut: [String] = []

  private let values: [String]
  private let samples: Int
  private var sums: [String: [PatchGeometry: ReplayMoments]] = [:]
  /// Why there are none, by value and for all patches or for these.
  private var missing: [String: String] = [:]
  private var unfitting: [String: [PatchGeometry: String]] = [:]
  private var count = 0

  /// - Parameter samples: How many samples will come.
  init(values: Set<String>, _ samples: Int) {
    self.values = values.sorted()
    self.samples = samples
  }

  /// Makes room for patches of a value.
  mutating func expect(_ geometry: PatchGeometry, of value: String) {
    sums[value, default: [:]][geometry] = ReplayMoments(geometry, samples: samples)
  }

  /// Adds what the float network and the one that is quantized so far give for some samples.
  ///
  /// - Throws: ``NotFinite`` for values that are not, before anything of these samples is added.
  mutating func add(
    float: [String: Tensor], quantized: [String: Tensor], of names: [String]
  ) throws {
    for value in values {
      try float[value]?.requireFinite("'\(value)'", of: names)
      try quantized[value]?.requireFinite("'\(value)' behind quantized layers", of: names)
    }
    count += names.count
    for value in values {
      guard let own = float[value], let other = quantized[value] else {
        let network = float[value] == nil ? "the float network" : "the quantized network"
        missing[value] = "a run of \(network) does not give '\(value)'"
        continue
      }
      // What weaves samples together cannot be told apart, and need not be: there is but one.
      for geometry in sums[value, default: [:]].keys.sorted(by: { $0.taps < $1.taps })
      where sums[value]?[geometry]?.add(float: own, quantized: other, samples: names.count) != true
      {
        unfitting[value, default: [:]][geometry] =
          own.shape == other.shape
          ? "'\(value)', \(own.shape), has no patches of \(geometry.taps) elements a channel"
          : "'\(value)' is \(own.shape) in float and \(other.shape) behind quantized layers"
      }
    }
  }

  /// Why there are no moments of a value's patches; `nil` where there are.
  func obstacle(to geometry: PatchGeometry, of value: String) -> String? {
    if count == 0 { return "no sample has finite values" }
    return missing[value] ?? unfitting[value]?[geometry]
  }

  /// The moments of a value's patches.
  func moments(_ geometry: PatchGeometry, of value: String, isCentered: Bool) -> FilterMoments? {
    sums[value]?[geometry]?.moments(isCentered: isCentered)
  }
}

/// A value of some samples is not finite: weights cannot be fitted to it.
struct NotFinite: Error {
  let value: String
  let samples: String

  /// What is said where such samples are not left out.
  var graphError: GraphError {
    .invalid(
      "sequential: the value \(value) is not finite for \(samples); without the sample, with "
        + "--allow-nonfinite, which leaves it out, or without 'sequential', the model can be quantized"
    )
  }
}

extension Tensor {
  fileprivate func requireFinite(_ value: String, of samples: [String]) throws {
    let place = withElements(of: Float.self) { $0.firstIndex { !$0.isFinite } }
    guard let place else { return }
    // Where samples are not parts of equal size, all that ran are named.
    let isSplit = shape.first?.isMultiple(of: samples.count) == true
    throw NotFinite(
      value: value,
      samples: isSplit
        ? samples[place / (count / samples.count)] : samples.joined(separator: ", "))
  }
}
