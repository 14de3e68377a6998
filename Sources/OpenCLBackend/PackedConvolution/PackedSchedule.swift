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
  /// Filters of a block: products of a byte of data.
  private static let lanes = PackedProblem.block
  /// What a work-item costs by itself, in products: about a microsecond.
  private static let itemCost = 300_000

  /// A schedule for a device.
  init(_ problem: PackedProblem, _ products: PackedProducts, on facts: DeviceFacts) {
    self.init(
      problem, products, units: facts.computeUnits,
      largestData: facts.number(.packedWindow) << 10, share: facts.number(.packedItems))
  }

  /// The schedule for `units` cores that costs least by count of products and of bytes copied, with at
  /// most `2 * share` work-items for each core and the data of a chunk in about `largestData` bytes:
  /// twice as many for Winograd's, whose weights are fewer at a time.
  init(
    _ problem: PackedProblem, _ products: PackedProducts, units: Int, largestData: Int = 1 << 20,
    share: Int = 1
  ) {
    let isWinograd = products.isWinograd
    // An odd number of cache lines, so that windows do not all fall upon a few sets of the cache.
    pitch = isWinograd ? problem.tap : ((problem.depth + 63) / 64 | 1) * 64
    let count = isWinograd ? problem.windows : problem.pixels
    // A tile costs what its places do, and a little for itself.
    func cost(_ size: Int) -> Int { (count + size - 1) / size * (size + 1) }
    let size = products.tileSizes.min { cost($0) < cost($1) } ?? 1
    tilePlaces = size
    let tiles = (count + size - 1) / size
    let tileBytes = size * pitch * (isWinograd ? 16 : 1)
    // What a work-item prepares stays in the core's second-level cache while the filters pass.
    let fitting = max(1, largestData * (isWinograd ? 2 : 1) / tileBytes)
    let preparation = isWinograd ? 8 : problem.copiesWindows ? 17 : 1
    (chunkTiles, partBlocks, items) = (1, 1, SIMD2(1, 1))
    var least = Int.max
    for chunk in 1...max(1, min(fitting, tiles, Self.mostTiles)) {
      let chunks = max(1, (tiles + chunk - 1) / chunk)
      for parts in 1...max(1, min(problem.blocks, 2 * share * units)) {
        let blocks = (problem.blocks + parts - 1) / parts
        let columns = max(1, (problem.blocks + blocks - 1) / blocks)
        let rows = max(1, min(chunks, 2 * share * units / (columns * problem.groups)))
        // Drivers deal work-items out to cores by number, so the core with the most of them decides,
        // and each of its work-items counts as a whole one.
        let turns = (rows * columns * problem.groups + units - 1) / units
        let products = chunk * size * problem.depth * (preparation + Self.lanes * blocks)
        let cost = turns * ((chunks + rows - 1) / rows * products + Self.itemCost)
        if cost < least {
          (least, chunkTiles, partBlocks, items) = (cost, chunk, blocks, SIMD2(rows, columns))
        }
      }
    }
    dataBytes = items.x * items.y * problem.groups * chunkTiles * tileBytes
  }
}

extension PackedProblem {
  /// Whether windows are copied, and not read where they lie: a byte costs as much as 17 products.
  fileprivate var copiesWindows: Bool {
    kernel != SIMD2(1, 1) && output.y < 28 || groups > 1 || dilations.y > 1
  }

  /// Windows of 2 x 2 pixels of the result.
  fileprivate var windows: Int { batch * ((output.x + 1) / 2) * ((output.y + 1) / 2) }
}
