import OpenCLHost
public import Operations
import Tensors

extension OpenCLBackend {
  /// The derivative of a convolution's weights, `float32`, over one or two spatial dimensions; others
  /// on the reference.
  public func convolutionWeightGradient(
    _ x: Value, _ dy: Value, _ convolution: Convolution
  ) throws -> Value {
    let shape = [dy.shape[1], x.shape[1] / convolution.groups] + convolution.window.kernel
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: shape)
    precondition(dy.shape == geometry.outputShape(rank: x.rank), "a derivative of \(dy.shape)")
    let count = shape.reduce(1, *)
    guard geometry.productCount > 0 else {
      return try upload(Tensor(repeating: Float(0), shape: shape))
    }
    let runs = (geometry.productCount + WeightGradient.runLength - 1) / WeightGradient.runLength
    // Kernels count elements in 32 bits; a vector or a tile beyond the last is still counted.
    let limit = Int(Int32.max) - 4096
    guard let form = WeightGradientForm(geometry, runs: runs, on: facts),
      [x.count, dy.count, count * runs].allSatisfy({ $0 <= limit })
    else {
      return try runOnHost("convolutionWeightGradient", [x, dy]) {
        $0.convolutionWeightGradient($1[0], $1[1], convolution)
      }
    }
    let result = try makeValue(.float32, shape)
    guard count > 0 else { return result }
    let sums = runs == 1 ? result : try makeValue(.float32, [runs] + shape)
    try launch(form, geometry, runs: runs, x, dy, sums)
    if runs > 1 {
      try launchItems(
        DeviceKernel("conv/sum_runs.cl", "sum_runs"), count: count, sums, result, UInt32(runs),
        UInt32(count))
    }
    return result
  }

  /// Enqueues the runs' products.
  private func launch(
    _ form: WeightGradientForm, _ geometry: ConvolutionGeometry, runs: Int, _ x: Value, _ dy: Value,
    _ sums: Value
  ) throws {
    let pass = geometry.passes[0]
    let numbers = try constants(geometry.numbers(of: pass, elements: x.count))
    let taps = try constants(
      pass.taps.flatMap { [$0.offset.x, $0.offset.y, $0.offset.z, $0.index].map { Int32($0) } })
    switch form {
    case .vector(let parts):
      let kernel = DeviceKernel(
        "conv/weight_gradient.cl", "weight_gradient",
        ["VECTOR=\(parts.width)", "VECTORS=\(parts.vectors)", "ROWS=\(parts.rows)"],
        preludes: [
          "product/vectors.cl", "product/each_row.cl", "conv/geometry.cl", "conv/padded_rows.cl",
        ])
      try launch(
        kernel, global: [runs, parts.weightParts * parts.filterParts, geometry.groups],
        local: [1, 1, 1], numbers, taps, x, dy, sums, Int32(parts.partTiles),
        Int32(parts.partFilters), Int32(parts.pitch), Int32(parts.spread),
        LocalMemory(byteCount: parts.columns * 4), LocalMemory(byteCount: parts.filters * 4),
        LocalMemory(byteCount: parts.totals * 4), operation: "convolutionWeightGradient")
    case .tile(let side):
      let kernel = DeviceKernel(
        "conv/weight_gradient_tile.cl", "weight_gradient_tile", ["SIDE=\(side)"],
        preludes: ["product/item_sums.cl", "conv/geometry.cl"])
      let weights = geometry.channels * geometry.kernelCount
      try launch(
        kernel,
        global: [(weights + 3) / 4, (geometry.filters + 3) / 4, geometry.groups * runs],
        local: [side, side, 1], numbers, taps, x, dy, sums,
        operation: "convolutionWeightGradient")
    }
  }
}

extension ConvolutionGeometry {
  /// Products of one weight's derivative.
  fileprivate var productCount: Int { batch * output.product }
}

/// Which kernel computes the derivative of a convolution's weights.
private enum WeightGradientForm {
  /// `weight_gradient.cl`.
  case vector(WeightGradientParts)
  /// `weight_gradient_tile.cl`: work-groups of `side` by `side` items.
  case tile(side: Int)

  /// The form on a device; `nil` if it has none.
  init?(_ geometry: ConvolutionGeometry, runs: Int, on facts: DeviceFacts) {
    if facts.isCPU, facts.localMemorySize >= 1 << 16 {
      // Three spatial axes, of which the first has no extent, are two.
      guard geometry.input.x == 1, geometry.output.x == 1,
        geometry.passes[0].taps.allSatisfy({ $0.offset.x == 0 }),
        let parts = WeightGradientParts(geometry, runs: runs, on: facts)
      else { return nil }
      self = .vector(parts)
    } else if facts.maxWorkGroupSize >= 64 {
      self = .tile(side: facts.number(.convolutionSide))
    } else {
      return nil
    }
  }
}

/// What a work-item of `weight_gradient.cl` computes, and the local memory that it takes.
private struct WeightGradientParts {
  /// Floats of a vector.
  let width: Int
  /// Vectors of filters that are worked on together.
  let vectors: Int
  /// Weights of a filter that are worked on together.
  let rows: Int
  /// Tiles of weights of a part.
  var partTiles: Int
  let weightParts: Int
  /// Filters of a part.
  let partFilters: Int
  let filterParts: Int
  /// Elements of a row of the input with its border, and of all rows that a block reads.
  let pitch: Int, spread: Int
  /// Floats of local memory.
  let columns: Int, filters: Int, totals: Int

  /// Filters whose derivatives of a block stay in a cache beside the columns.
  private static let mostFilters = 64

  /// `nil` if local memory does not hold it.
  init?(_ geometry: ConvolutionGeometry, runs: Int, on facts: DeviceFacts) {
    let block = CanonicalProduct.blockLength
    let pass = geometry.passes[0]
    width = facts.numbers(.convolutionVector)[0]
    vectors = geometry.filters > width ? 2 : 1
    let rows = width == 16 ? 12 : 6
    self.rows = rows
    let lanes = vectors * width
    func parts(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
    partFilters = min(parts(geometry.filters, lanes), max(1, Self.mostFilters / lanes)) * lanes
    filterParts = parts(geometry.filters, partFilters)

    let reach = (pass.taps.last?.offset ?? .zero) &+ 1
    let (height, length) = (geometry.output.y, geometry.output.z)
    // A block begins anywhere in an image's row.
    let images = min(geometry.batch, (block + height * length - 2) / (height * length) + 1)
    let outputRows = min(images * height, (block + length - 2) / length + images)
    pitch = (length - 1) * pass.stride.z + reach.z
    let spread = (outputRows * pass.stride.y + images * reach.y) * pitch + width
    self.spread = spread

    let taps = pass.taps.count, weights = geometry.channels * taps
    let tiles = parts(weights, rows)
    let free = facts.localMemorySize / 4 - block * partFilters
    func columns(_ tiles: Int) -> Int {
      min(geometry.channels, (tiles * rows + taps - 2) / taps + 1) * spread
    }
    func size(_ tiles: Int, _ partFilters: Int) -> Int {
      columns(tiles) + tiles * rows * partFilters
    }
    // Work for every core, several times over, and columns that a second-level cache holds.
    let wanted = parts(4 * facts.computeUnits, runs * filterParts * geometry.groups)
    var part = max(1, min(tiles, parts(tiles, wanted)))
    while part > 1, size(part, partFilters) > min(free, 1 << 17) { part = (part + 1) / 2 }
    guard size(part, partFilters) <= free else { return nil }
    partTiles = part
    weightParts = parts(tiles, part)
    self.columns = columns(part)
    filters = block * partFilters
    totals = part * rows * partFilters
  }
}
