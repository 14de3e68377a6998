import Operations
import Tensors

/// How weights are brought into the order that a kernel reads; see `product/pack_rows.cl`.
struct RowPacking: Hashable, Sendable {
  /// Rows that are packed together.
  var rows: Int
  var groups: Int
  var filters: Int
  var channels: Int
  /// Distances in the weights' memory between groups, filters and channels.
  var strides: SIMD3<Int32>
  /// The position of every tap within the weights of a channel.
  var taps: [Int32]
  /// The memory of the zero points; the companion keeps it alive.
  var zeroPoints: ObjectIdentifier? = nil
}

extension OpenCLBackend {
  /// `weights` in the order of `packing`, as `float32`, less their zero points; from the last call
  /// with the same weights if `isKept`.
  func pack(
    _ weights: Value, zeroPoints: Value?, _ packing: RowPacking, isKept: Bool
  ) throws -> DeviceMemory {
    guard isKept else { return try pack(weights, zeroPoints: zeroPoints, packing) }
    var packing = packing
    packing.zeroPoints = zeroPoints.map { ObjectIdentifier($0.memory) }
    let companion = try weights.memory.companion(.rows(packing)) {
      let packed = try pack(weights, zeroPoints: zeroPoints, packing)
      return Companion(memories: [packed] + (zeroPoints.map { [$0.memory] } ?? []))
    }
    return companion.memories[0]
  }

  private func pack(
    _ weights: Value, zeroPoints: Value?, _ packing: RowPacking
  ) throws -> DeviceMemory {
    let depth = packing.channels * packing.taps.count
    let tiles = (packing.filters + packing.rows - 1) / packing.rows
    let packed = try scratch(byteCount: packing.groups * tiles * packing.rows * depth * 4)
    let taps = try uploadNumbers(packing.taps.flatMap { [0, 0, 0, $0] })
    var definitions = ["ROWS=\(packing.rows)", "WEIGHT=\(weights.elementType.kernelName)"]
    if let zeroPoints { definitions += ["ZERO_POINT=\(zeroPoints.elementType.kernelName)"] }
    try launch(
      DeviceKernel("product/pack_rows.cl", "pack_rows", definitions),
      global: [depth, tiles, packing.groups], weights, zeroPoints ?? weights, packed, taps,
      SIMD4<Int32>(packing.strides, 0),
      SIMD4<Int32>(
        Int32(packing.filters), Int32(packing.channels), Int32(packing.taps.count),
        Int32(zeroPoints?.count ?? 0)))
    return packed
  }

  /// Numbers for a kernel; at least one element, because there are no empty buffers.
  func uploadNumbers(_ numbers: [Int32]) throws -> DeviceMemory {
    try upload(Tensor(numbers.isEmpty ? [0] : numbers)).memory
  }
}

extension ElementType {
  /// The type in OpenCL C of an element in memory.
  var kernelName: String {
    switch self {
    case .float32: "float"
    case .int32: "int"
    case .int8, .int4, .int2: "char"
    case .uint8, .uint4, .uint2: "uchar"
    default: preconditionFailure("no kernel takes \(self)")
    }
  }
}
