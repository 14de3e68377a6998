import Operations
import Tensors

extension RowPacking {
  /// Weights `[M, C/groups, kernel...]`.
  static func ofConvolution(_ geometry: ConvolutionGeometry) -> RowPacking {
    let channel = geometry.kernelCount
    let filter = geometry.channels * channel
    return RowPacking(geometry, strides: [geometry.filters * filter, filter, channel])
  }

  /// Weights `[C, M/groups, kernel...]`.
  static func ofTransposed(_ geometry: ConvolutionGeometry) -> RowPacking {
    let filter = geometry.kernelCount
    let channel = geometry.filters * filter
    return RowPacking(geometry, strides: [geometry.channels * channel, filter, channel])
  }

  private init(_ geometry: ConvolutionGeometry, strides: [Int]) {
    self.init(
      rows: 1, groups: geometry.groups, filters: geometry.filters, channels: geometry.channels,
      strides: SIMD3(strides.map { Int32($0) }), taps: [])
  }
}

extension OpenCLBackend {
  /// Whether the device has a kernel for a convolution: kernels count elements in 32 bits, and need
  /// work-groups of 64 items or a processor's vectors.
  func hasForm(_ geometry: ConvolutionGeometry, _ x: Value) -> Bool {
    let outputs = geometry.output.product * geometry.batch * geometry.groups * geometry.filters
    let weights = geometry.groups * geometry.filters * geometry.channels * geometry.kernelCount
    // A vector or a tile beyond the last element is still counted.
    let limit = Int(Int32.max) - 4096
    return [outputs, weights, x.count].allSatisfy { $0 <= limit }
      && geometry.passes.allSatisfy { ConvolutionForm(geometry, $0, on: facts) != nil }
  }

  /// The zero point that codes without one have; `nil` for floats.
  func zeroCode(_ elementType: ElementType) throws -> Value? {
    guard elementType.isInteger else { return nil }
    return try Int8.represents(elementType)
      ? upload(Tensor(scalar: Int8(0))) : upload(Tensor(scalar: UInt8(0)))
  }

  /// Runs an operation on the reference; the values come in the order given.
  func onReference(
    _ operation: StaticString, _ values: Value?...,
    body: (ReferenceBackend, [Tensor?]) throws -> Tensor
  ) throws -> Value {
    noteHostOperation(operation)
    return try upload(
      body(ReferenceBackend.shared, values.map { try $0.map { try download($0) } }))
  }
}
