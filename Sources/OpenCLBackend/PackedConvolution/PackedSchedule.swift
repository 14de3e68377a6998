/// How a convolution of packed codes is cut into work-items; see `packed/convolve.cl`.
struct PackedSchedule: Hashable, Sendable {
  /// Pixels of a tile.
  var tilePixels: Int
  /// Tiles that a work-item gathers at once.
  var chunkTiles: Int
  /// Blocks that a work-item computes.
  var partBlocks: Int
  /// Work-items along chunks and along blocks; there are as many for every group.
  var items: SIMD2<Int>

  /// `MAX_TILES` of `convolve.cl`.
  private static let mostTiles = 32

  /// A schedule for a device in tiles of one of `sizes` pixels.
  init(_ problem: PackedProblem, on facts: DeviceFacts, sizes: [Int]) {
    self.init(
      problem, units: facts.computeUnits, sizes: sizes,
      largestWindow: facts.number(.packedWindow) << 10, share: facts.number(.packedItems))
  }

  /// A schedule for `units` cores with `share` work-items each, the windows of a chunk in at most
  /// `largestWindow` bytes.
  init(
    _ problem: PackedProblem, units: Int, sizes: [Int], largestWindow: Int = .max, share: Int = 1
  ) {
    // A tile costs what its pixels do, and a little for itself.
    func cost(_ size: Int) -> Int { (problem.pixels + size - 1) / size * (size + 1) }
    let size = sizes.min { cost($0) < cost($1) } ?? 1
    tilePixels = size
    let tiles = (problem.pixels + size - 1) / size
    // Several work-items for every core, so that one that others slow down does less of them.
    let wanted = share * units
    let fitting = max(1, largestWindow / (size * problem.pitch))
    let fair = max(2, (tiles + wanted - 1) / wanted)
    chunkTiles = min(fitting, fair, Self.mostTiles)
    let chunks = (tiles + chunkTiles - 1) / chunkTiles
    let others = chunks * problem.groups
    let parts = max(1, min(problem.blocks, (wanted + others - 1) / others))
    partBlocks = (problem.blocks + parts - 1) / parts
    let columns = (problem.blocks + partBlocks - 1) / partBlocks
    items = SIMD2(max(1, min(chunks, 2 * wanted / (columns * problem.groups))), columns)
  }

  /// Bytes for the windows of all work-items.
  func windowBytes(_ problem: PackedProblem) -> Int {
    items.x * items.y * problem.groups * chunkTiles * tilePixels * problem.pitch
  }
}
