import OpenCLHost
import Operations

/// A pass of a convolution, or a matrix product in its guise, ready to be launched.
struct ProductLaunch {
  /// What becomes of a sum; see `product/result.cl`.
  enum Result {
    /// The sum of floats, plus a bias.
    case float(bias: OpenCLBackend.Value?)
    /// The sum of codes.
    case sum
  }

  var geometry: ConvolutionGeometry
  var pass: ConvolutionGeometry.Pass
  var form: ConvolutionForm
  var description: PassDescription
  var x: OpenCLBackend.Value
  /// Zero points of x, for codes: one, or one a column of every matrix.
  var xZeroPoint: OpenCLBackend.Value?
  /// The weights in the form's order.
  var weights: DeviceMemory
  var result: Result
  var y: OpenCLBackend.Value

  fileprivate var definitions: [String] {
    switch result {
    case .float: ["ELEMENT=\(x.elementType.kernelName)"]
    case .sum: ["ELEMENT=\(x.elementType.kernelName)", "CODES"]
    }
  }
}

extension OpenCLBackend {
  /// Enqueues a pass.
  func launch(_ product: ProductLaunch, operation: StaticString) throws {
    let (geometry, pass) = (product.geometry, product.pass)
    let outputs = geometry.batch * pass.count.product
    switch product.form {
    case .vector(let width, let rows, let partTiles):
      let lanes = 2 * width
      let tiles = (geometry.filters + rows - 1) / rows
      let kernel = DeviceKernel(
        "conv/convolve_vector.cl", "convolve_vector",
        product.definitions + ["VECTOR=\(width)", "ROWS=\(rows)"],
        preludes: [
          "product/vectors.cl", "product/each_row.cl", "product/block.cl", "product/result.cl",
          "conv/geometry.cl",
        ])
      try launch(
        kernel, product, operation,
        global: [
          (outputs + lanes - 1) / lanes, (tiles + partTiles - 1) / partTiles, geometry.groups,
        ], local: [1, 1, 1], Int32(partTiles),
        LocalMemory(byteCount: CanonicalProduct.blockLength * lanes * 4),
        LocalMemory(byteCount: partTiles * rows * lanes * 4))
    case .rows(let width, let rows, let band):
      let kernel = DeviceKernel(
        "conv/convolve_rows.cl", "convolve_rows",
        product.definitions + ["VECTOR=\(width)", "ROWS=\(rows)"],
        preludes: [
          "product/vectors.cl", "product/each_row.cl", "product/result.cl", "conv/geometry.cl",
          "conv/padded_rows.cl",
        ])
      let tiles = (geometry.filters + rows - 1) / rows
      let bands = (pass.count.y + band.rows - 1) / band.rows
      try launch(
        kernel, product, operation, global: [geometry.batch * bands, 1, geometry.groups],
        local: [1, 1, 1], Int32(tiles), Int32(band.rows), Int32(band.pitch), Int32(band.width),
        Int32(band.spread),
        SIMD4<Int32>(Int32(band.first.y), Int32(band.first.z), Int32(band.reach), 0),
        LocalMemory(byteCount: band.channels * band.spread * 4),
        LocalMemory(byteCount: tiles * rows * band.width * 4))
    case .planes(let width):
      let kernel = DeviceKernel(
        "conv/convolve_planes.cl", "convolve_planes", product.definitions + ["VECTOR=\(width)"],
        preludes: ["product/vectors.cl", "product/result.cl", "conv/geometry.cl"])
      try launch(
        kernel, product, operation, global: [geometry.groups * geometry.filters, geometry.batch],
        local: [1, 1])
    case .tile(let side):
      let kernel = DeviceKernel(
        "conv/convolve_tile.cl", "convolve_tile",
        product.definitions + ["SIDE=\(side)"],
        preludes: ["product/item_sums.cl", "product/result.cl", "conv/geometry.cl"])
      try launch(
        kernel, product, operation,
        global: [(outputs + 3) / 4, (geometry.filters + 3) / 4, geometry.groups],
        local: [side, side, 1])
    }
  }

  /// Enqueues a kernel with the arguments that all forms share, and its own behind them.
  private func launch<each Argument: KernelArgument>(
    _ kernel: DeviceKernel, _ product: ProductLaunch, _ operation: StaticString, global: [Int],
    local: [Int], _ arguments: repeat each Argument
  ) throws {
    let bias: Value? =
      switch product.result {
      case .float(let bias): bias
      case .sum: nil
      }
    let (description, x) = (product.description, product.x)
    // Where there is nothing to point at, x serves; the kernel does not look.
    try launch(
      kernel, global: global, local: local, description.geometry, description.taps,
      description.factors, x, product.xZeroPoint ?? x, Int32(product.xZeroPoint?.count ?? 0),
      product.weights, product.y, bias ?? x, Int32(bias == nil ? 0 : 1),
      repeat each arguments, operation: operation)
  }
}
