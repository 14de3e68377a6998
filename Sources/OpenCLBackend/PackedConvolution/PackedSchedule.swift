/// How a convolution of packed codes is cut into work-items; see `packed/convolve.cl` and
/// `packed/winograd.cl`.
struct PackedSchedule: Hashable, Sendable {
  /// Places of a tile: pixels, or windows of four pixels.
  var tilePlaces: Int
  /// Tiles that a work-item prepares at once.
  var chunkTiles: Int
  /// Blocks that a work-item computes.
  var partBlocks: Int
  /// Work-items along chunks and along blocks; there are as many for every group.
  var items: SIMD2<Int>
  /// Bytes from a place's data to the next one's.
  var pitch: Int
  /// Bytes for the data of all work-items.
  var dataBytes: Int

  /// `MAX_TILES` of the kernels.
  private static let mostTiles = 32

  /// A schedule for a device.
  init(_ problem: PackedProblem, _ products: PackedProducts, on facts: DeviceFacts) {
    self.init(
      problem, products, units: facts.computeUnits,
      largestData: facts.number(.packedWindow) << 10, share: facts.number(.packedItems))
  }

  /// A schedule for `units` cores with `share` work-items each, the data of a chunk in about
  /// `largestData` bytes: twice as many for Winograd's, whose weights are fewer at a time.
  init(
    _ problem: PackedProblem, _ products: PackedProducts, units: Int, largestData: Int = 1 << 20,
    share: Int = 1
  ) {
    let isWinograd = products == .winograd
    // An odd number of cache lines, so that windows do not all fall upon a few sets of the cache.
    pitch = isWinograd ? problem.tap : ((problem.depth + 63) / 64 | 1) * 64
    let count = isWinograd ? problem.windows : problem.pixels
    // A tile costs what its places do, and a little for itself.
    func cost(_ size: Int) -> Int { (count + size - 1) / size * (size + 1) }
    let size = products.tileSizes.min { cost($0) < cost($1) } ?? 1
    tilePlaces = size
    let tiles = (count + size - 1) / size
    // Several work-items for every core, so that one that others slow down does less of them. What
    // they prepare stays in the core's second-level cache while the filters pass.
    let wanted = share * units
    let tileBytes = size * pitch * (isWinograd ? 16 : 1)
    let fitting = max(1, largestData * (isWinograd ? 2 : 1) / tileBytes)
    let fair = max(2, (tiles + wanted - 1) / wanted)
    chunkTiles = min(fitting, fair, Self.mostTiles)
    let chunks = (tiles + chunkTiles - 1) / chunkTiles
    let others = max(1, chunks * problem.groups)
    let parts = max(1, min(problem.blocks, (wanted + others - 1) / others))
    partBlocks = (problem.blocks + parts - 1) / parts
    let columns = (problem.blocks + partBlocks - 1) / partBlocks
    items = SIMD2(max(1, min(chunks, 2 * wanted / (columns * problem.groups))), columns)
    dataBytes = items.x * items.y * problem.groups * chunkTiles * tileBytes
  }
}

extension PackedProblem {
  /// Windows of 2 x 2 pixels of the result.
  fileprivate var windows: Int { batch * ((output.x + 1) / 2) * ((output.y + 1) / 2) }
}
