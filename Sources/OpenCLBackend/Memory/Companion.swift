import Operations
import Synchronization

/// Names what was derived from the elements of a buffer.
enum CompanionKey: Hashable, Sendable {
  /// Weights in the order of a kernel.
  case rows(RowPacking)
  /// What a kernel must know of a pass of a convolution with these weights.
  case pass(ConvolutionGeometry, Int)
  /// Weights as a convolution of packed codes multiplies them.
  case factors(FactorPacking)
  /// The parameters of an epilogue after a convolution with these weights.
  case epilogue(ParameterFolding)
  /// How a convolution of packed codes with these weights is launched.
  case plan(PackedPlanKey)
  /// What a kernel must know of a convolution of packed codes with these weights.
  case tileProblem(TileProblem, border: UInt32)
  /// Weights in the order of tiles.
  case tileWeights(TilePacking)
  /// Weights in the order of lanes.
  case lanes(LanePacking)
}

/// What was derived from the elements of a buffer, and what must live as long.
struct Companion: Sendable {
  let memories: [DeviceMemory]
  /// Weights in the order of products, and what is known of them.
  var factors: PackedFactors? = nil
  /// What is in them, where they hold weights of tiles.
  var weights: TileWeights.Facts? = nil
  /// How to launch what they are for.
  var plan: PackedPlan? = nil
}

extension DeviceMemory {
  /// The companion of this memory under `key`, made at first use.
  ///
  /// Two threads may both make it; one of the two is dropped.
  func companion(
    _ key: CompanionKey, make: () throws -> Companion
  ) throws -> Companion {
    if let known = companions.withLock({ $0[key] }) { return known }
    let companion = try make()
    companions.withLock { $0[key] = companion }
    return companion
  }
}
