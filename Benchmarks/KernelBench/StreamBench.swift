import OpenCLBackend
import Operations
import Tensors

/// Operations that take little time beside what they read and write.
enum StreamOperation: String, CaseIterable {
  case quantize, dequantize
  case fakeQuantize = "fake quantize"
  /// Windows of 3 x 3, two apart.
  case maximumPool = "pool maximum"
  /// Of whole images.
  case averagePool = "pool average"
  case codeMaximumPool = "pool codes maximum"
  case codeMeanPool = "pool codes mean"

  private static let scale: Float = 1 / 32
  private static let zeroPoint = 128

  /// Bytes of an element of what is read.
  var elementBytes: Int {
    switch self {
    case .quantize, .fakeQuantize, .maximumPool, .averagePool: 4
    case .dequantize, .codeMaximumPool, .codeMeanPool: 1
    }
  }

  /// Brings data `[N, C, H, W]` to `backend`; the closure computes there.
  func prepare<B: Backend>(_ shape: [Int], on backend: B) throws -> () throws -> B.Value {
    let floats = Distribution.normal.tensor(shape)
    let scale = Tensor(scalar: Self.scale), zeroPoint = Tensor(scalar: UInt8(Self.zeroPoint))
    let (s, z) = (try backend.upload(scale), try backend.upload(zeroPoint))
    func codes() throws -> B.Value {
      try backend.upload(
        ReferenceBackend.shared.quantize(
          floats, scale: scale, zeroPoint: zeroPoint, layout: .tensor, to: .uint8))
    }
    func packed() throws -> PackedCodes<B.Value> {
      try backend.packCodes(codes(), zeroPoint: Self.zeroPoint, bits: 8)
    }
    let steps = Window(kernel: [3, 3], strides: [2, 2], padBefore: [1, 1], padAfter: [1, 1])
    let extents = (0..<2).map { steps.outputExtent(shape[2 + $0], axis: $0) }
    let image = Window(kernel: Array(shape[2...]))
    switch self {
    case .quantize:
      let x = try backend.upload(floats)
      return { try backend.quantize(x, scale: s, zeroPoint: z, layout: .tensor, to: .uint8) }
    case .dequantize:
      let x = try codes()
      return { try backend.dequantize(x, scale: s, zeroPoint: z, layout: .tensor) }
    case .fakeQuantize:
      let x = try backend.upload(floats)
      let zero = try backend.upload(Tensor(scalar: Int32(Self.zeroPoint)))
      return {
        try backend.fakeQuantize(x, scale: s, zeroPoint: zero, layout: .tensor, levels: 256)
      }
    case .maximumPool:
      let x = try backend.upload(floats)
      return { try backend.pool(x, Pooling(.maximum, window: steps, outputExtents: extents)) }
    case .averagePool:
      let x = try backend.upload(floats)
      let pooling = Pooling(
        .average(countsBorder: false), window: image, outputExtents: [1, 1])
      return { try backend.pool(x, pooling) }
    case .codeMaximumPool:
      let x = try packed()
      let pooling = CodePooling(.maximum, window: steps, outputExtents: extents)
      return { try backend.poolPacked(x, pooling).bytes }
    case .codeMeanPool:
      let x = try packed()
      let result = CodeScaling(scale: Self.scale / 16, zeroPoint: Self.zeroPoint)
      let pooling = CodePooling(
        .mean(unit: Self.scale, result), window: image, outputExtents: [1, 1])
      return { try backend.poolPacked(x, pooling).bytes }
    }
  }
}

extension BenchmarkRun {
  /// An operation on data `[N, C, H, W]`, beside reading as many bytes as it reads and writes.
  func stream(
    _ operation: StreamOperation, _ shape: [Int], _ name: String
  ) throws -> BenchmarkResult {
    let expected = try operation.prepare(shape, on: ReferenceBackend.shared)()
    let compute = try operation.prepare(shape, on: backend)
    let before = backend.hostOperations
    guard try backend.download(compute()) == expected else { throw WrongResult(name: name) }
    let bytes = shape.reduce(operation.elementBytes, *) + expected.byteCount
    let asMany = try backend.upload(Tensor(repeating: Float(1), shape: [(bytes + 3) / 4]))
    var result = try stream(name, bytes: bytes, work: Double(bytes) * 1e-9, "GB/s") {
      _ = try compute()
      try backend.finish()
    } reading: {
      try ceilings.read(asMany)
    }
    result.isOnReference = backend.hostOperations != before
    return result
  }
}
