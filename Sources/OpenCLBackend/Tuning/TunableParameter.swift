/// Numbers that a kernel's speed depends on and its results do not.
///
/// `qtool bench --tune` searches them on a device; ``Tuning`` holds what it found. A new one is a
/// constant here, a row of ``all``, and a workload of the benchmarks that it is timed by.
public struct TunableParameter: Sendable {
  /// What files call it.
  public let name: String
  /// What the numbers are, one word or more each.
  public let fields: [String]
  /// What a device takes that nobody has tuned.
  let standard: @Sendable (DeviceFacts) -> [Int]
  /// What it may have on a device, the standard included; one or none where the device's kernels do
  /// not look at it.
  let allowed: @Sendable (DeviceFacts) -> [[Int]]

  /// What the parameter may have on a device.
  public func candidates(on facts: DeviceFacts) -> [[Int]] {
    let standard = standard(facts)
    let others = allowed(facts).filter { $0 != standard }
    return others.isEmpty ? [standard] : [standard] + others
  }
}

extension TunableParameter {
  /// All parameters, in the order in which they are tuned.
  public static let all: [TunableParameter] = [
    histogramGroups, histogramItems, searchGroups, searchItems, convolutionVector,
    convolutionPart, convolutionSide, packedWindow, packedItems, packedTile,
  ]

  /// The parameter of a name.
  public static func named(_ name: String) -> TunableParameter? { all.first { $0.name == name } }

  /// Groups of a histogram for every compute unit.
  static let histogramGroups = TunableParameter(
    name: "histogram.groups", fields: ["groups of a compute unit"],
    standard: { [$0.isCPU ? 4 : 8] }, allowed: { _ in powers(1...32) })

  /// Work-items of a group of `histogram/scatter.cl`.
  static let histogramItems = TunableParameter(
    name: "histogram.items", fields: ["work-items of a group"], standard: { _ in [256] },
    allowed: { facts in facts.isCPU ? [] : powers(64...min(1024, facts.maxWorkGroupSize)) })

  /// Groups of a search for every compute unit.
  static let searchGroups = TunableParameter(
    name: "search.groups", fields: ["groups of a compute unit"], standard: { _ in [8] },
    allowed: { _ in powers(1...32) })

  /// Work-items that share a search.
  static let searchItems = TunableParameter(
    name: "search.items", fields: ["work-items of a group"],
    standard: { [$0.isCPU ? 1 : min(64, $0.maxWorkGroupSize)] },
    allowed: { facts in facts.isCPU ? [] : powers(32...min(256, facts.maxWorkGroupSize)) })

  /// Floats of a vector and filters of a tile of `conv/convolve_vector.cl`; 0 filters stand for the
  /// height that wastes least of a layer's.
  static let convolutionVector = TunableParameter(
    name: "convolution.vector", fields: ["floats of a vector", "filters of a tile"],
    standard: { [$0.vectorWidth >= 16 ? 16 : $0.vectorWidth >= 8 ? 8 : 4, 0] },
    allowed: { facts in
      guard facts.isCPU else { return [] }
      return [[4, 0], [8, 0], [8, 4], [8, 6], [16, 0], [16, 4], [16, 8], [16, 12]].filter {
        $0[0] <= 2 * facts.vectorWidth
      }
    })

  /// The most filters that a work-item of `conv/convolve_vector.cl` keeps sums of.
  static let convolutionPart = TunableParameter(
    name: "convolution.part", fields: ["filters of a work-item"], standard: { _ in [512] },
    allowed: { $0.isCPU ? powers(128...1024) : [] })

  /// The side of a work-group of `conv/convolve_tile.cl`.
  static let convolutionSide = TunableParameter(
    name: "convolution.side", fields: ["work-items along a side"],
    standard: { [$0.maxWorkGroupSize >= 256 ? 16 : 8] },
    allowed: { facts in
      facts.isCPU ? [] : [[8], [16]].filter { $0[0] * $0[0] <= facts.maxWorkGroupSize }
    })

  /// What the windows of a work-item of `packed/convolve.cl` take at most: they stay in a core's
  /// second-level cache while the filters pass.
  static let packedWindow = TunableParameter(
    name: "packed.window", fields: ["KiB of a work-item's windows"], standard: { _ in [160] },
    allowed: { $0.isCPU ? [[64], [96], [128], [224], [320], [512]] : [] })

  /// Work-items of `packed/convolve.cl` for every compute unit: several, so that one that others slow
  /// down does less of them.
  static let packedItems = TunableParameter(
    name: "packed.items", fields: ["work-items of a compute unit"], standard: { _ in [4] },
    allowed: { $0.isCPU ? powers(1...16) : [] })

  /// Extents of the tiles of `packed/tile.cl`.
  static let packedTile = TunableParameter(
    name: "packed.tile",
    fields: [
      "pixels of a tile", "filters of a tile", "pixels of a work-item", "filters of a work-item",
      "words of codes between barriers",
    ],
    standard: { facts in
      let candidates = TileParameters.candidates
      return (candidates.first { $0.fits(facts) } ?? candidates[0]).numbers
    },
    allowed: { facts in
      facts.isCPU ? [] : TileParameters.candidates.filter { $0.fits(facts) }.map(\.numbers)
    })

  private static func powers(_ range: ClosedRange<Int>) -> [[Int]] {
    (0..<20).map { 1 << $0 }.filter(range.contains).map { [$0] }
  }
}
