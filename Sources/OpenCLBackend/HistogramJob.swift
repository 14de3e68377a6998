import Operations
import Quantization
import Tensors

/// What the histogram kernels count, and how their results are read.
///
/// Channel `c` of `extent` is `x[(o * extent + c) * inner + i]` over all `o < outer` and `i < inner`.
struct HistogramJob {
  let outer: Int
  let extent: Int
  let inner: Int
  let layout: Histogram.Layout
  let form: OpenCLBackend.HistogramForm

  /// The counters behind the bins of a table, as in the kernels.
  private static let zeroCounters = 64

  /// Words of a channel's or a group's table.
  var tableLength: Int { 2 * layout.binsPerSide + Self.zeroCounters }

  /// The kernels' definitions.
  var definitions: [String] {
    ["BINS=\(layout.binsPerSide)"] + (layout.fixedExponent == nil ? [] : ["FIXED"])
  }

  /// Groups that share a channel: enough to occupy the device, of 16 Ki values and more; and few
  /// enough values that 32-bit counters suffice.
  func slices(_ facts: DeviceFacts) -> Int {
    let values = outer * inner
    let wanted = facts.computeUnits * facts.number(.histogramGroups) / max(extent, 1)
    let sensible = values >> 14
    let needed = (values >> 31) + 1
    return max(1, needed, min(wanted, sensible))
  }

  /// Places of the facts about a table, as in the kernels.
  enum Fact: Int {
    case exponent, zeros, nans, positiveInfinities, negativeInfinities, clippedBelow, clippedAbove
    case lowest, highest, smallest, largest
    static let count = 16
  }

  /// The histograms that downloaded tables and facts describe.
  func histograms(tables: Tensor, facts: Tensor) -> [Histogram] {
    tables.withElements(of: UInt32.self) { tables in
      facts.withElements(of: Int32.self) { facts in
        (0..<tables.count / tableLength).map { index in
          histogram(
            UnsafeBufferPointer(
              rebasing: tables[index * tableLength..<index * tableLength + 2 * layout.binsPerSide]),
            facts[index * Fact.count..<(index + 1) * Fact.count])
        }
      }
    }
  }

  private func histogram(
    _ counts: UnsafeBufferPointer<UInt32>, _ facts: Slice<UnsafeBufferPointer<Int32>>
  ) -> Histogram {
    func bits(_ fact: Fact) -> UInt32 {
      UInt32(bitPattern: facts[facts.startIndex + fact.rawValue])
    }
    let (smallest, largest) = (bits(.smallest), bits(.largest))
    let (lowest, highest) = (Int32(bitPattern: bits(.lowest)), Int32(bitPattern: bits(.highest)))
    let isEmpty = smallest > largest
    // As integers, the bits of negative floats count away from zero.
    let minimum = largest >> 31 == 1 ? largest : UInt32(bitPattern: lowest)
    let maximum = highest >= 0 ? UInt32(bitPattern: highest) : smallest
    return Histogram(
      counted: counts.map { UInt64($0) }, layout: layout,
      exponent: Int(Int32(bitPattern: bits(.exponent))),
      zeros: UInt64(bits(.zeros)), nans: UInt64(bits(.nans)),
      positiveInfinities: UInt64(bits(.positiveInfinities)),
      negativeInfinities: UInt64(bits(.negativeInfinities)),
      clippedBelow: UInt64(bits(.clippedBelow)), clippedAbove: UInt64(bits(.clippedAbove)),
      // Adding zero turns -0.0 into 0.0.
      minimum: isEmpty ? nil : Float(bitPattern: minimum) + 0,
      maximum: isEmpty ? nil : Float(bitPattern: maximum) + 0)
  }
}
