import OpenCLHost
import Operations
public import Tensors

extension OpenCLBackend {
  /// Memory for a result, not initialised; `operation` is what an error names.
  package func makeValue(
    _ elementType: ElementType, _ shape: [Int], operation: StaticString = #function
  ) throws(DeviceError) -> Value {
    let byteCount = shape.reduce(elementType.byteCount, *)
    return Value(
      elementType: elementType, shape: shape,
      memory: try scratch(byteCount: byteCount, operation: operation))
  }

  /// Memory for what lies between two kernels, not initialised.
  package func scratch(
    byteCount: Int, operation: StaticString = #function
  ) throws(DeviceError) -> DeviceMemory {
    try onDevice("\(operation), \(byteCount) bytes") { () throws(OpenCLError) in
      // Asked here, because some drivers accept the buffer and fail when it is first used.
      if byteCount > facts.maxAllocationSize {
        throw OpenCLError(status: -4, function: "clCreateBuffer")
      }
      return try pool.allocate(byteCount)
    }
  }

  /// Brings a tensor to the device. A CPU device uses its memory in place.
  public func upload(_ tensor: Tensor) throws -> Value {
    let memory = try onDevice("upload of \(tensor)") { () throws(OpenCLError) in
      try facts.isCPU ? shared(tensor) : copied(tensor)
    }
    return Value(elementType: tensor.elementType, shape: tensor.shape, memory: memory)
  }

  private func shared(_ tensor: Tensor) throws(OpenCLError) -> DeviceMemory {
    let byteCount = tensor.byteCount
    let isAligned = Int(bitPattern: tensor.storage.bytes) % max(64, facts.baseAlignment) == 0
    if isAligned, byteCount > 0 {
      let bytes = UnsafeMutableRawBufferPointer(start: tensor.storage.bytes, count: byteCount)
      let buffer = try Buffer(context, over: bytes, keeping: tensor.storage, readOnly: true)
      return DeviceMemory(buffer, over: tensor.storage)
    }
    // Fresh memory, which no command can be using, is filled without waiting for the queue.
    guard let block = HostBlock(byteCount: max(64, (byteCount + 63) & ~63)) else {
      throw OpenCLError(status: -6, function: "posix_memalign")
    }
    tensor.withBytes { block.bytes.copyMemory(from: $0) }
    let buffer = try Buffer(context, over: block.bytes, keeping: block, readOnly: true)
    return DeviceMemory(buffer, over: tensor.storage)
  }

  private func copied(_ tensor: Tensor) throws(OpenCLError) -> DeviceMemory {
    let memory = try pool.allocate(tensor.byteCount)
    let result = tensor.withBytes { bytes in
      Result { () throws(OpenCLError) in try memory.buffer.write(from: bytes, queue) }
    }
    try result.get()
    return memory
  }

  /// Waits for everything that `value` depends on and brings it back. From a CPU device the tensor is
  /// a view of the device's memory, which stays in use as long as the tensor.
  public func download(_ value: Value) throws -> Tensor {
    noteDownload()
    let (type, shape) = (value.elementType, value.shape)
    if let source = value.memory.source {
      return Tensor(elementType: type, shape: shape, storage: source)
    }
    let storage = try onDevice("download of \(type) \(shape)") { () throws(OpenCLError) in
      guard value.byteCount > 0 else { return TensorStorage(byteCount: 0) }
      guard facts.isCPU else {
        let storage = TensorStorage(byteCount: value.byteCount)
        let bytes = UnsafeMutableRawBufferPointer(start: storage.bytes, count: value.byteCount)
        try value.memory.buffer.read(into: bytes, queue)
        return storage
      }
      let mapping = try Mapping(
        value.memory.buffer, byteCount: value.byteCount, for: .read, queue)
      let view = MappedView(mapping, of: value.memory)
      return TensorStorage(bytes: view.address, byteCount: value.byteCount) { _ in
        withExtendedLifetime(view) {}
      }
    }
    return Tensor(elementType: type, shape: shape, storage: storage)
  }

  /// The same memory under another shape.
  public func reshape(_ value: Value, to shape: [Int]) throws -> Value {
    precondition(
      shape.reduce(1, *) == value.count, "\(value.shape) cannot be reshaped to \(shape)")
    return Value(elementType: value.elementType, shape: shape, memory: value.memory)
  }
}

/// A mapping and the memory that it shows, for as long as a tensor needs them.
///
/// `@unchecked Sendable` because nothing is called on it but its `deinit`.
private final class MappedView: @unchecked Sendable {
  private let mapping: Mapping
  private let memory: DeviceMemory
  let address: UnsafeMutableRawPointer

  init(_ mapping: consuming Mapping, of memory: DeviceMemory) {
    guard let address = mapping.bytes.baseAddress else { preconditionFailure("an empty mapping") }
    self.address = address
    self.memory = memory
    self.mapping = mapping
  }
}
