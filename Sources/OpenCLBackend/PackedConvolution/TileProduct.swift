import Operations

/// How codes of x and weights are multiplied; see `packed/tile.cl` and `packed/tile_warp.cl`.
enum TileProduct: Hashable, Sendable {
  /// As bytes, weights held in `weightBits` bits: 8, 4 or 2.
  case bytes(weightBits: Int)
  /// As words of one bit of 32 codes, weights in this many planes.
  case planes(Int)
  /// As bits of x as they lie by planes of weights, one after the other.
  case passes(BitPasses)
}

/// Passes over pairs of a plane of x and one of the weights, in falling order of their powers of two.
struct BitPasses: Hashable, Sendable {
  var inputBits: Int
  var weightPlanes: Int

  /// The planes of each pass.
  var pairs: [(inputPlane: Int, weightPlane: Int)] {
    (0..<inputBits).flatMap { input in (0..<weightPlanes).map { (input, $0) } }
      .sorted { ($0.0 + $0.1, $0.0) > ($1.0 + $1.1, $1.0) }
  }

  /// Bit p says whether the sums are doubled after pass p.
  var doublings: Int {
    let powers = pairs.map { $0.inputPlane + $0.weightPlane }
    return powers.indices.dropLast().reduce(0) { bits, pass in
      bits | (powers[pass] - powers[pass + 1]) << pass
    }
  }
}

/// What multiplies on a device, and in which tiles.
struct TilePlan: Hashable, Sendable {
  enum Kernel: Hashable, Sendable {
    /// `packed/tile.cl`: every work-item a part of the tile.
    case items(TileParameters, TileDot)
    /// `packed/tile_warp.cl`: NVIDIA's warps, or sub-groups in their stead.
    case warps(isEmulated: Bool)
  }

  var kernel: Kernel
  /// Whether products of few bits are taken bit by bit.
  var mayBeBitwise: Bool

  /// Whether the kernel can read x: warps load 16 bytes of a pixel.
  func takes(_ layout: CodeLayout) -> Bool {
    switch kernel {
    case .items: true
    case .warps: layout.pixelBytes > 4 && (layout.bits > 1 || mayBeBitwise)
    }
  }

  /// Pixels and filters of a tile.
  var tile: (pixels: Int, filters: Int) {
    switch kernel {
    case .items(let parameters, _): (parameters.pixels, parameters.filters)
    case .warps: (128, 128)
    }
  }

  /// The work-group.
  var workGroup: [Int] {
    switch kernel {
    case .items(let parameters, _): parameters.workGroup
    case .warps: [256, 1, 1]
    }
  }

  /// What the product takes away from every code of x.
  var codeOffset: Int {
    switch kernel {
    case .items(_, let dot): dot.codeOffset
    case .warps: 0
    }
  }

  /// How weights are multiplied by codes in `layout`.
  ///
  /// Bits pay where a product of a word of them stands for enough products of bytes: 32 of them for
  /// an AND and a count that adds, against four of bytes; on tensor cores eight times as many.
  func product(
    of weights: WeightDifferences, by layout: CodeLayout, depth: Int
  ) -> TileProduct {
    let bytes = TileProduct.bytes(weightBits: weights.fieldBits(depth: depth))
    guard mayBeBitwise, layout.pixelBytes > 4 else { return bytes }
    switch kernel {
    case .items: return weights.planes * layout.bits <= 4 ? .planes(weights.planes) : bytes
    case .warps:
      // A pass over x as it lies looks at all of its bits for one of each code.
      let cost = weights.planes * layout.bits * layout.bits
      return cost <= 4 || layout.bits == 1
        ? .passes(BitPasses(inputBits: layout.bits, weightPlanes: weights.planes)) : bytes
    }
  }

  /// Words of x of a step.
  func stepWords(_ product: TileProduct, _ layout: CodeLayout) -> Int {
    switch (kernel, product) {
    case (.items(let parameters, _), .planes): parameters.depth / 2
    case (.items(let parameters, _), _): parameters.depth * layout.bits / 8
    case (.warps, .bytes): 16 * layout.bits / 8
    case (.warps, _): 16
    }
  }

  /// The kernel for a problem, with what the result needs of definitions.
  func kernel(
    _ problem: TileProblem, _ weights: TileWeights.Facts, _ resultDefinitions: [String]
  ) -> DeviceKernel {
    var definitions =
      problem.definitions + resultDefinitions + [
        "TILE_PIXELS=\(tile.pixels)", "TILE_FILTERS=\(tile.filters)",
        "ITEMS=\(workGroup.reduce(1, *))",
      ]
    switch weights.product {
    case .bytes(let bits): definitions.append("WBITS=\(bits)")
    case .planes(let count): definitions += ["PLANES=\(count)", "STRIDE=\(weights.stride)"]
    case .passes(let passes):
      definitions += [
        "BITWISE", "PASSES=\(passes.pairs.count)", "SHIFTS=\(passes.doublings)",
        "STRIDE=\(weights.stride)",
      ]
    }
    if weights.needsInputSums { definitions.append("INPUT_SUMS") }
    switch kernel {
    case .items(let parameters, let dot):
      definitions += dot.definitions
      definitions += [
        "ITEM_PIXELS=\(parameters.itemPixels)", "ITEM_FILTERS=\(parameters.itemFilters)",
      ]
      return DeviceKernel(
        "packed/tile.cl", "convolve_packed_tile", definitions,
        preludes: [
          "prelude/divide.cl", "packed/dot.cl", "packed/problem.cl", "packed/sum_result.cl",
          "packed/tile_result.cl",
        ], options: dot.options)
    case .warps(let isEmulated):
      return DeviceKernel(
        "packed/tile_warp.cl", "convolve_packed_warp",
        definitions + (isEmulated ? ["WARP_EMULATION"] : []),
        preludes: [
          "prelude/divide.cl", "packed/dot.cl", "packed/warp.cl", "packed/problem.cl",
          "packed/sum_result.cl", "packed/tile_result.cl",
        ], options: isEmulated ? "-cl-std=CL3.0" : "")
    }
  }
}
