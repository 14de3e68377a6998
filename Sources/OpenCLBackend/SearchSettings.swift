import Quantization
import Tensors

/// What the search kernels are built and launched with.
struct SearchSettings {
  let levels: Int
  let scheme: Scheme
  /// Work-items of a group, which share one search.
  let workItems: Int

  init(_ levels: Int, _ scheme: Scheme, _ facts: DeviceFacts) {
    self.levels = levels
    self.scheme = scheme
    workItems = facts.number(.searchItems)
  }

  /// Groups that occupy the device.
  func groups(_ facts: DeviceFacts) -> Int { facts.computeUnits * facts.number(.searchGroups) }

  /// A kernel of `Kernels/search`; with `bins`, one that searches tables.
  func kernel(
    _ file: String, _ function: String, bins: Int? = nil, _ more: [String] = []
  ) -> DeviceKernel {
    var definitions = ["LEVELS=\(levels)", "WORK_ITEMS=\(workItems)"] + Self.plan + more
    definitions.append("SHORT_ROW=\(ProbePlan.shortRow(levels: levels))")
    if scheme == .affine { definitions.append("AFFINE") }
    var preludes = ["prelude/divide.cl", "search/search.cl"]
    if let bins {
      definitions.append("BINS=\(bins)")
      preludes.append("search/brackets.cl")
    }
    return DeviceKernel(file, function, definitions, preludes: preludes)
  }

  private static let plan = [
    "LOGARITHMIC_PROBES=\(ProbePlan.logarithmic)", "LINEAR_PROBES=\(ProbePlan.linear)",
    "COARSE_PROBES=\(ProbePlan.coarse)", "FIRST_LINEAR=\(ProbePlan.firstLinear)",
    "PROBES_ABOVE=\(ProbePlan.above)", "BRACKETS=\(ProbePlan.brackets)",
    "FINE_POINTS=\(ProbePlan.finePoints)", "NARROW_BRACKETS=\(ProbePlan.narrowBrackets)",
    "NARROW_POINTS=\(ProbePlan.narrowPoints)", "NARROW_ROUNDS=\(ProbePlan.narrowRounds)",
    "MOST_EVENTS=\(ProbePlan.mostEvents)",
    "DENSE_POINTS=\(ProbePlan.densePoints)", "DESCENTS=\(ProbePlan.descents)",
  ]
}

/// What a search kernel leaves about one distribution.
struct SearchResult {
  /// Words of a result, as in `Kernels/search/search.cl`.
  static let words = 8

  let candidate: SearchCandidate
  private let squares: UInt128
  private let range: ClosedRange<Float>
  private let finite: Int
  private let isFound: Bool

  /// The results in a downloaded tensor.
  static func read(_ tensor: Tensor) -> [SearchResult] {
    tensor.withElements(of: UInt64.self) { words in
      (0..<tensor.shape[0]).map { SearchResult(words[$0 * Self.words..<($0 + 1) * Self.words]) }
    }
  }

  private init(_ slice: Slice<UnsafeBufferPointer<UInt64>>) {
    let words = Array(slice)
    candidate = SearchCandidate(
      multiple: Int(words[0]), zeroPoint: Int(words[1]), excessSum: words[2])
    squares = UInt128(words[3]) << 64 | UInt128(words[4])
    let lowest = Float(bitPattern: UInt32(truncatingIfNeeded: words[5]))
    range = lowest...max(lowest, Float(bitPattern: UInt32(words[5] >> 32)))
    finite = Int(words[6])
    isFound = words[7] != 0
  }

  /// The fit of a row; `nil` if the kernel had no grid for it.
  func fit(rowLength: Int, _ settings: SearchSettings) -> QuantizerFit? {
    guard isFound,
      let grid = ScaleGrid(
        minimum: range.lowerBound, maximum: range.upperBound, levels: settings.levels,
        scheme: settings.scheme)
    else { return nil }
    let tickBits =
      QuantizerSearch.isShort(count: rowLength, levels: settings.levels)
      ? nil : ExcessTable.bits(rowLength: rowLength, range: range, grid: grid)
    return QuantizerSearch.fit(
      candidate, grid, squares: squares, tickBits: tickBits, finite: finite)
  }
}
