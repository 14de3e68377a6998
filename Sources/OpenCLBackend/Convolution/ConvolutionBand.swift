import Operations

/// Rows of outputs that a work-item of `convolve_rows.cl` computes.
struct ConvolutionBand: Hashable, Sendable {
  /// Rows of outputs.
  let rows: Int
  /// The first row and column that an output reads, from its own, and how many rows.
  let first: Spatial, reach: Int
  /// Elements of a row of the input with its border.
  let pitch: Int
  /// Outputs, as if their rows were as long as those of the input; a multiple of two vectors.
  let width: Int
  /// Elements that are held of a channel, and the channels of a block of the sum.
  let spread: Int, channels: Int

  /// Outputs of a band: enough that rows read by two bands are few, and columns stay in a cache.
  private static let wantedWidth = 544
  /// Floats of columns and totals that a second-level cache holds.
  private static let mostFloats = 1 << 16

  /// A band for vectors of `width` floats; `nil` for a stride, for three axes, without channels, and
  /// where local memory does not hold it.
  init?(
    _ geometry: ConvolutionGeometry, _ pass: ConvolutionGeometry.Pass, width: Int,
    on facts: DeviceFacts
  ) {
    let offsets = pass.taps.map(\.offset)
    guard geometry.channels > 0, pass.stride.y == 1, pass.stride.z == 1, geometry.input.x == 1,
      geometry.output.x == 1,
      pass.origin.x == 0, offsets.allSatisfy({ $0.x == 0 }),
      let top = offsets.map(\.y).min(), let bottom = offsets.map(\.y).max(),
      let left = offsets.map(\.z).min(), let right = offsets.map(\.z).max()
    else { return nil }
    first = Spatial(0, top, left)
    reach = bottom - top + 1
    pitch = pass.count.z + right - left
    let (height, length) = (pass.count.y, pass.count.z)
    let taps = offsets.count
    channels = min(
      geometry.channels, (CanonicalProduct.blockLength + taps - 2) / taps + 1)
    let (reach, pitch, channels, pair) = (reach, pitch, channels, 2 * width)
    func outputs(_ rows: Int) -> Int {
      let used = (rows - 1) * pitch + length
      return (used + pair - 1) / pair * pair
    }
    func columns(_ rows: Int) -> Int { outputs(rows) + reach * pitch + width }
    // Totals of the last, unused filters of a tile count too.
    let filters = geometry.filters + 12
    func size(_ rows: Int) -> Int { channels * columns(rows) + filters * outputs(rows) }
    let limit = min(Self.mostFloats, facts.localMemorySize / 4)
    var rows = max(1, min(height, Self.wantedWidth / pitch))
    func bands(_ rows: Int) -> Int { (height + rows - 1) / rows }
    // Work for every core, several times over.
    while rows > 1,
      size(rows) > limit || geometry.batch * geometry.groups * bands(rows) < 4 * facts.computeUnits
    {
      rows = (rows + 1) / 2
    }
    guard size(rows) <= limit else { return nil }
    self.rows = (height + bands(rows) - 1) / bands(rows)
    self.width = outputs(self.rows)
    spread = columns(self.rows)
  }
}
