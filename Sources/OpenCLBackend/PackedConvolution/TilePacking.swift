import Operations
import Tensors

/// What decides how weights are packed for tiles.
struct TilePacking: Hashable, Sendable {
  var geometry: ConvolutionGeometry
  var layout: CodeLayout
  var plan: TilePlan
  /// The type of packed codes of weights.
  var packed: ElementType?
  /// The memory of the zero points; the companion keeps it alive.
  var zeroPoints: ObjectIdentifier?
}

extension OpenCLBackend {
  /// Words, rows and masks of `TileWeights`, from the last call with the same weights.
  ///
  /// Packing is the host's work: it is done once for a layer, and what weights are decides how they
  /// are multiplied.
  func packTiles(
    of weights: CodedWeights<Value>, for layout: CodeLayout, _ geometry: ConvolutionGeometry,
    _ plan: TilePlan
  ) throws -> ([DeviceMemory], TileWeights.Facts) {
    // Batch and extents change nothing.
    var known = geometry
    known.batch = 1
    let packing = TilePacking(
      geometry: known, layout: layout, plan: plan, packed: weights.packedType,
      zeroPoints: weights.zeroPoint.map { ObjectIdentifier($0.memory) })
    let companion = try weights.codes.memory.companion(.tileWeights(packing)) {
      let differences = try differences(of: weights)
      let product = plan.product(
        of: differences, by: layout, depth: geometry.channels * geometry.kernelCount)
      let problem = TileProblem(geometry, layout, product, plan)
      let packed = TileWeights(
        differences, problem, product: product, codeOffset: plan.codeOffset)
      var memories = [
        try uploadNumbers(packed.words.map { Int32(bitPattern: $0) }),
        try uploadNumbers(packed.rows),
        try uploadNumbers(
          packed.facts.needsInputSums ? problem.masks.map { Int32(bitPattern: $0) } : []),
      ]
      memories += weights.zeroPoint.map { [$0.memory] } ?? []
      return Companion(memories: memories, weights: packed.facts)
    }
    guard let facts = companion.weights else { preconditionFailure("weights without facts") }
    return (companion.memories, facts)
  }

  /// Weights less their zero points, on the host.
  func differences(of weights: CodedWeights<Value>) throws -> WeightDifferences {
    let codes = try download(weights.codes)
    return WeightDifferences(
      codes: weights.packedType.map { codes.unpackedRows(as: $0, shape: weights.shape) } ?? codes,
      zeroPoint: try weights.zeroPoint.map(download), filters: weights.shape[0])
  }

  /// Sizes and units of a problem, from the last call with the same weights.
  func describe(
    _ problem: TileProblem, border: UInt32, for weights: DeviceMemory
  ) throws -> (numbers: DeviceMemory, units: DeviceMemory) {
    let companion = try weights.companion(.tileProblem(problem, border: border)) {
      Companion(
        memories: [
          try uploadNumbers(problem.numbers), try uploadNumbers(problem.units(border: border)),
        ])
    }
    return (companion.memories[0], companion.memories[1])
  }
}
