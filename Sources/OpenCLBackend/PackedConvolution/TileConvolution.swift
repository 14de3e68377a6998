import OpenCLHost
import Operations
import Tensors

/// What a tile's sums become.
enum TileResult: Sendable {
  case sums
  case codes(Epilogue<OpenCLBackend.Value>)

  /// What `sum_result.cl` is compiled with.
  func definitions(writtenBits: Int) -> [String] {
    guard case .codes(let epilogue) = self else { return ["SUMS"] }
    return ["YBITS=\(writtenBits)", epilogue.rounding.definition]
      + (epilogue.residual == nil ? [] : ["RESIDUAL"])
  }
}

/// A convolution of packed codes in tiles, ready to be launched.
struct TileLaunch {
  var plan: TilePlan
  var problem: TileProblem
  var weights: TileWeights.Facts
  var result: TileResult
  var x: PackedCodes<OpenCLBackend.Value>
  /// Bits in which the kernel writes codes.
  var writtenBits: Int
  /// Whether a group's filters do not fill whole words of a pixel.
  var isScattered: Bool

  /// What `sum_result.cl` and `tile_result.cl` are compiled with.
  var resultDefinitions: [String] {
    result.definitions(writtenBits: writtenBits) + (isScattered ? ["SCATTERED"] : [])
  }
}

extension OpenCLBackend {
  /// The sums `int32` `[N, M, H, W]` of a convolution of packed codes, in tiles.
  func sumInTiles(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution,
    _ plan: TilePlan, operation: StaticString
  ) throws -> Value {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    let y = try makeValue(.int32, geometry.outputShape(rank: 4), operation: operation)
    guard y.count > 0 else { return y }
    if geometry.isDepthwise {
      let lanes = LaneLaunch(
        geometry: geometry, x: x, result: .sums, writtenBits: 8, outputWords: 0, otherWords: 0)
      try run(lanes, weights: weights, into: y, operation: operation)
      return y
    }
    let (packed, facts) = try packTiles(of: weights, for: x.layout, geometry, plan)
    let launch = TileLaunch(
      plan: plan, problem: TileProblem(geometry, x.layout, facts.product, plan), weights: facts,
      result: .sums, x: x, writtenBits: 8, isScattered: false)
    try run(launch, packed, into: y, operation: operation)
    return y
  }

  /// Packed codes from a convolution of packed codes, in tiles.
  func convolveInTiles(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution,
    _ epilogue: Epilogue<Value>, _ plan: TilePlan, operation: StaticString
  ) throws -> PackedCodes<Value> {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    // Where words of a pixel are shared between groups, bytes are written first.
    let isScattered =
      geometry.groups > 1 && !geometry.isDepthwise
      && !(geometry.filters * epilogue.bits).isMultiple(of: 32)
    let shape = geometry.outputShape(rank: 4)
    let layout = CodeLayout(channels: shape[1], bits: isScattered ? 8 : epilogue.bits)
    let y = PackedCodes(
      try makeValue(
        .uint8, [shape[0], shape[2], shape[3], layout.pixelBytes], operation: operation),
      layout: layout, zeroPoint: epilogue.residual?.resultZeroPoint ?? epilogue.zeroPoint)
    let otherWords = (epilogue.residual?.other.layout.pixelBytes ?? 0) / 4
    if y.bytes.count > 0, geometry.isDepthwise {
      let lanes = LaneLaunch(
        geometry: geometry, x: x, result: .codes(epilogue), writtenBits: layout.bits,
        outputWords: layout.pixelBytes / 4, otherWords: otherWords)
      try run(lanes, weights: weights, into: y.bytes, operation: operation)
    } else if y.bytes.count > 0 {
      let (packed, facts) = try packTiles(of: weights, for: x.layout, geometry, plan)
      var problem = TileProblem(geometry, x.layout, facts.product, plan)
      problem.outputWords = layout.pixelBytes / 4
      problem.otherWords = otherWords
      let launch = TileLaunch(
        plan: plan, problem: problem, weights: facts, result: .codes(epilogue), x: x,
        writtenBits: layout.bits, isScattered: isScattered)
      try run(launch, packed, into: y.bytes, operation: operation)
    }
    return try changeWidth(y, to: epilogue.bits)
  }

  private func run(
    _ launch: TileLaunch, _ weights: [DeviceMemory], into y: Value, operation: StaticString
  ) throws {
    let (problem, x, plan) = (launch.problem, launch.x, launch.plan)
    let geometry = problem.geometry
    let border = problem.border(x.zeroPoint)
    let (numbers, units) = try describe(problem, border: border, for: weights[0])
    let sums =
      launch.weights.needsInputSums
      ? try sumWindows(launch, numbers, units, masks: weights[2], operation) : numbers
    let finish = TileFinish(launch.result)
    // Where there is nothing to point at, the weights serve; the kernel does not look.
    let nothing = weights[0]
    try self.launch(
      plan.kernel(problem, launch.weights, launch.resultDefinitions),
      global: [
        (problem.pixels + plan.tile.pixels - 1) / plan.tile.pixels * plan.workGroup[0],
        problem.rows / plan.tile.filters * plan.workGroup[1], geometry.groups,
      ], local: plan.workGroup, numbers, units, x.bytes, border, weights[0], y, weights[1],
      Int32(x.zeroPoint), sums, finish.bias?.memory ?? nothing,
      Int32(finish.bias == nil ? 0 : 1), finish.multiplier?.memory ?? nothing,
      finish.multiplierStep, finish.shift?.memory ?? nothing, finish.shiftStep, finish.codes,
      finish.other?.memory ?? nothing, finish.otherCodes, finish.scales, operation: operation)
  }

  /// The sum of x over every window of every group.
  private func sumWindows(
    _ launch: TileLaunch, _ numbers: DeviceMemory, _ units: DeviceMemory, masks: DeviceMemory,
    _ operation: StaticString
  ) throws -> DeviceMemory {
    let (pixels, groups) = (launch.problem.pixels, launch.problem.geometry.groups)
    let sums = try scratch(byteCount: 4 * pixels * groups, operation: operation)
    try self.launch(
      DeviceKernel(
        "packed/window_sums.cl", "sum_windows", launch.problem.definitions,
        preludes: ["packed/problem.cl"]), global: [pixels, groups], local: workGroup([64, 1]),
      numbers, units, launch.x.bytes, launch.problem.border(launch.x.zeroPoint), masks, sums,
      operation: operation)
    return sums
  }
}
