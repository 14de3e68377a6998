import COpenCL

/// What a kernel takes: a size and bytes, or a size alone for local memory.
public protocol KernelArgument {
  /// Calls `body` with what `clSetKernelArg` wants.
  func withArgument<Result>(_ body: (_ size: Int, _ bytes: UnsafeRawPointer?) -> Result) -> Result
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension KernelArgument where Self: BitwiseCopyable {
  public func withArgument<Result>(_ body: (Int, UnsafeRawPointer?) -> Result) -> Result {
    withUnsafeBytes(of: self) { body($0.count, $0.baseAddress) }
  }
}

extension Int8: KernelArgument {}
extension UInt8: KernelArgument {}
extension Int16: KernelArgument {}
extension UInt16: KernelArgument {}
extension Int32: KernelArgument {}
extension UInt32: KernelArgument {}
extension Int64: KernelArgument {}
extension UInt64: KernelArgument {}
extension Float: KernelArgument {}
extension Double: KernelArgument {}

/// OpenCL's vectors have the layout of Swift's, except those of three.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension KernelArgument where Self: SIMD {
  public func withArgument<Result>(_ body: (Int, UnsafeRawPointer?) -> Result) -> Result {
    withUnsafeBytes(of: self) { body($0.count, $0.baseAddress) }
  }
}

extension SIMD2: KernelArgument {}
extension SIMD4: KernelArgument {}
extension SIMD8: KernelArgument {}
extension SIMD16: KernelArgument {}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Buffer: KernelArgument {
  public func withArgument<Result>(_ body: (Int, UnsafeRawPointer?) -> Result) -> Result {
    var memory: cl_mem? = handle
    return body(MemoryLayout<cl_mem?>.size, &memory)
  }
}

/// Memory of a work-group, of a size that the host chooses.
public struct LocalMemory: KernelArgument, Sendable {
  let byteCount: Int

  /// `byteCount` bytes.
  public init(byteCount: Int) { self.byteCount = byteCount }

  /// Its size and no bytes.
  public func withArgument<Result>(_ body: (Int, UnsafeRawPointer?) -> Result) -> Result {
    body(byteCount, nil)
  }
}
