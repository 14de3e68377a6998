import Operations

/// Which kernel computes a pass of a convolution, and in which tiles.
enum ConvolutionForm: Hashable, Sendable {
  /// `convolve_vector.cl`: vectors of `width`, tiles of `rows` filters, `partTiles` of them for a
  /// work-item.
  case vector(width: Int, rows: Int, partTiles: Int)
  /// `convolve_rows.cl`: vectors of `width`, tiles of `rows` filters, a band of rows for a work-item.
  case rows(width: Int, rows: Int, ConvolutionBand)
  /// `convolve_planes.cl`: vectors of `width`, a plane for a work-item.
  case planes(width: Int)
  /// `convolve_tile.cl`: work-groups of `side` by `side` items.
  case tile(side: Int)

  /// Rows that weights are packed in.
  var packedRows: Int {
    switch self {
    case .vector(_, let rows, _), .rows(_, let rows, _): rows
    case .planes, .tile: 1
    }
  }

  /// The form for a pass on a device; `nil` if it has none. `ofFloats`: whether it is a convolution of
  /// floats, not of codes and no matrix product.
  init?(
    _ geometry: ConvolutionGeometry, _ pass: ConvolutionGeometry.Pass, on facts: DeviceFacts,
    ofFloats: Bool = false
  ) {
    let width = facts.numbers(.convolutionVector)[0]
    // Oclgrind, for one, has less local memory than the columns of a block take.
    let hasVectors = facts.isCPU && facts.localMemorySize >= 1 << 16
    if hasVectors, geometry.channels == 1, geometry.filters <= 2, geometry.groups > 1 {
      self = .planes(width: width)
    } else if hasVectors, ofFloats, geometry.filters <= Self.fewFilters,
      let band = ConvolutionBand(geometry, pass, width: width, on: facts)
    {
      self = .rows(width: width, rows: Self.bestRows(for: geometry.filters, width: width), band)
    } else if hasVectors, let vector = Self.vector(geometry, pass, width: width, facts) {
      self = vector
    } else if facts.maxWorkGroupSize >= 64 {
      self = .tile(side: facts.number(.convolutionSide))
    } else {
      return nil
    }
  }

  /// Filters up to which loading a block's inputs for every tap takes longer than what is left out of
  /// a band's rows.
  private static let fewFilters = 16

  /// The vector form, if local memory holds its columns and totals.
  private static func vector(
    _ geometry: ConvolutionGeometry, _ pass: ConvolutionGeometry.Pass, width: Int,
    _ facts: DeviceFacts
  ) -> Self? {
    let tuned = facts.numbers(.convolutionVector)[1]
    let rows = tuned > 0 ? tuned : bestRows(for: geometry.filters, width: width)
    let tiles = (geometry.filters + rows - 1) / rows
    let lanes = 2 * width
    let free = facts.localMemorySize / 4 - CanonicalProduct.blockLength * lanes
    // Totals of more filters would not stay in a second-level cache beside the weights.
    let most = max(1, facts.number(.convolutionPart) / rows)
    let largestPart = min(tiles, free / (rows * lanes), most)
    guard largestPart > 0 else { return nil }
    // Work for every core, several times over, in parts of equal size; but no part so small that
    // loading its columns takes as long as multiplying.
    let panels = (geometry.batch * pass.count.product + lanes - 1) / lanes * geometry.groups
    let wanted = max(1, 4 * facts.computeUnits / max(1, panels))
    let smallestPart = min(largestPart, (48 + rows - 1) / rows)
    let part = min(largestPart, max(smallestPart, (tiles + wanted - 1) / wanted))
    let parts = (tiles + part - 1) / part
    return .vector(width: width, rows: rows, partTiles: (tiles + parts - 1) / parts)
  }

  /// The tile height that wastes least: sums take `2 * rows` registers of 32 with vectors of 16
  /// floats, else of 16, and a low tile loads more for every product.
  private static func bestRows(for filters: Int, width: Int) -> Int {
    let costs: [(rows: Int, cost: Double)] =
      width == 16 ? [(12, 1), (8, 1.05), (4, 1.5)] : [(6, 1), (4, 1.2)]
    func total(_ rows: Int, _ cost: Double) -> Double {
      Double((filters + rows - 1) / rows * rows) * cost
    }
    return costs.min { total($0.rows, $0.cost) < total($1.rows, $1.cost) }!.rows
  }
}
