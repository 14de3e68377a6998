/// Extents of the tiles of `packed/tile.cl`: they change its speed and not its result.
package struct TileParameters: Hashable, Sendable {
  /// Output pixels of a work-group.
  package var pixels: Int
  /// Filters of a work-group, a multiple of 32.
  package var filters: Int
  /// Output pixels of a work-item; divides ``pixels``.
  package var itemPixels: Int
  /// Filters of a work-item; divides ``filters``.
  package var itemFilters: Int
  /// Words of unpacked codes of a pixel between two barriers: 8, 16 or 32.
  package var depth: Int

  /// Extents of tiles.
  package init(pixels: Int, filters: Int, itemPixels: Int, itemFilters: Int, depth: Int) {
    precondition(
      pixels.isMultiple(of: itemPixels) && filters.isMultiple(of: itemFilters)
        && filters.isMultiple(of: 32) && [8, 16, 32].contains(depth),
      "tiles of \(pixels) by \(filters) with \(itemPixels) by \(itemFilters) an item, \(depth) deep"
    )
    self.pixels = pixels
    self.filters = filters
    self.itemPixels = itemPixels
    self.itemFilters = itemFilters
    self.depth = depth
  }

  /// Work-items of a group along pixels and filters.
  package var workGroup: [Int] { [pixels / itemPixels, filters / itemFilters, 1] }

  /// Bytes of local memory that the two buffers take where both factors are bytes.
  package var localByteCount: Int { 2 * 4 * depth * (pixels + 2 + filters + 2) }

  /// What `packed.tile` of ``TunableParameter`` holds.
  package var numbers: [Int] { [pixels, filters, itemPixels, itemFilters, depth] }

  /// Tiles of ``numbers``.
  package init(numbers: [Int]) {
    self.init(
      pixels: numbers[0], filters: numbers[1], itemPixels: numbers[2], itemFilters: numbers[3],
      depth: numbers[4])
  }

  /// What a device takes; `nil` where its work-groups are too small.
  package static func standard(for facts: DeviceFacts) -> TileParameters? {
    let tile = TileParameters(numbers: facts.numbers(.packedTile))
    return tile.fits(facts) ? tile : nil
  }

  /// What devices may take, what most can run first.
  package static let candidates = [
    [64, 64, 4, 4, 16], [64, 64, 4, 4, 8], [64, 64, 8, 4, 16], [128, 64, 8, 4, 16],
    [128, 128, 8, 8, 8], [128, 128, 8, 8, 16], [32, 64, 4, 4, 16], [64, 32, 4, 4, 32],
    [32, 32, 4, 4, 16],
  ].map { TileParameters(numbers: $0) }

  /// Whether a device can run such tiles.
  package func fits(_ facts: DeviceFacts) -> Bool {
    workGroup.reduce(1, *) <= facts.maxWorkGroupSize
      && zip(workGroup, facts.maxWorkItemSizes).allSatisfy(<=)
      && localByteCount <= facts.localMemorySize
  }
}
