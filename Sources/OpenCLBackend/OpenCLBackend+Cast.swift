import Operations
public import Tensors

extension OpenCLBackend {
  /// Elements converted between `float32`, `int8`, `uint8`, `int32`, `int64` and `bool`; other types
  /// on the reference.
  public func cast(_ x: Value, to elementType: ElementType) throws -> Value {
    if x.elementType == elementType { return x }
    guard let expression = Self.castExpression(x.elementType, elementType),
      let from = x.elementType.arithmeticType, let to = elementType.arithmeticType,
      x.count <= Int(Int32.max)
    else { return try runOnHost("cast", [x]) { $0.cast($1[0], to: elementType) } }
    let y = try makeValue(elementType, x.shape)
    let kernel = DeviceKernel(
      "elementwise/map.cl", "map", ["FROM=\(from)", "TO=\(to)", "EXPRESSION=\(expression)"],
      preludes: expression.hasPrefix("lb_") ? ["prelude/truncate.cl"] : [])
    try launchItems(kernel, count: x.count, x, y, UInt32(x.count), Float(0), Float(0))
    return y
  }

  /// An expression in x; `nil` if the device has no kernel for it.
  private static func castExpression(_ from: ElementType, _ to: ElementType) -> String? {
    let types: Set<ElementType> = [.float32, .int8, .uint8, .int32, .int64, .bool]
    guard types.contains(from), types.contains(to) else { return nil }
    if to == .bool { return "x != 0" }
    guard let type = to.arithmeticType else { return nil }
    if to == .float32 { return "convert_float_rte(x)" }
    guard from == .float32 else { return "(\(type))x" }
    guard to.byteCount <= 4, let range = to.integerRange else { return "lb_long(x)" }
    // Through 64 bits, because Intel's CPU compiler gets convert_uint_sat wrong in vectors.
    let bounded = "(x != x ? 0.0f : fmin(fmax(x, -9e9f), 9e9f))"
    return "(\(type))clamp((long)\(bounded), \(range.lowerBound)l, \(range.upperBound)l)"
  }
}
