public import Operations
public import Tensors

extension OpenCLBackend {
  /// ONNX's QuantizeLinear of `float32` to codes of at most 16 bits; other types on the reference.
  public func quantize(
    _ x: Value, scale: Value, zeroPoint: Value?, layout: QuantizationLayout, to type: ElementType
  ) throws -> Value {
    guard x.elementType == .float32, scale.elementType == .float32,
      zeroPoint.map({ $0.elementType == type }) ?? true, type.byteCount <= 2,
      let runs = parameterRuns(x.shape, layout, scale.shape),
      let kernel = codeKernel("quantize", type, runs)
    else {
      let zeroPoint = try zeroPoint.map(download)
      return try runOnHost("quantize", [x, scale]) {
        $0.quantize($1[0], scale: $1[1], zeroPoint: zeroPoint, layout: layout, to: type)
      }
    }
    let codes = try makeValue(type, x.shape)
    let zeroPoint = try zeroPoint ?? zeros(type, scale.count)
    try launchItems(
      kernel, count: runs.count, x, scale, zeroPoint, codes, constants(runs.words),
      UInt32(runs.count))
    return codes
  }

  /// ONNX's DequantizeLinear of integers of at most 32 bits to `float32`; others on the reference.
  public func dequantize(
    _ x: Value, scale: Value, zeroPoint: Value?, layout: QuantizationLayout
  ) throws -> Value {
    guard scale.elementType == .float32, zeroPoint.map({ $0.elementType == x.elementType }) ?? true,
      x.elementType.byteCount <= 4,
      let runs = parameterRuns(x.shape, layout, scale.shape),
      let kernel = codeKernel("dequantize", x.elementType, runs)
    else {
      let zeroPoint = try zeroPoint.map(download)
      return try runOnHost("dequantize", [x, scale]) {
        $0.dequantize($1[0], scale: $1[1], zeroPoint: zeroPoint, layout: layout)
      }
    }
    let y = try makeValue(.float32, x.shape)
    let zeroPoint = try zeroPoint ?? zeros(x.elementType, scale.count)
    try launchItems(
      kernel, count: runs.count, x, scale, zeroPoint, y, constants(runs.words), UInt32(runs.count))
    return y
  }

  /// `saturate(rint(Float(accumulator + bias) * multiplier) + zeroPoint)`
  public func requantize(
    _ accumulator: Value, bias: Value?, multiplier: Value, zeroPoint: Value, axis: Int,
    to type: ElementType
  ) throws -> Value {
    let extent = accumulator.shape[axis]
    guard accumulator.elementType == .int32, multiplier.elementType == .float32,
      zeroPoint.elementType == type, type.byteCount <= 2,
      let runs = parameterRuns(accumulator.shape, .axis(axis), [extent]),
      let kernel = codeKernel("requantize", type, runs)
    else {
      let bias = try bias.map(download)
      return try runOnHost("requantize", [accumulator, multiplier, zeroPoint]) {
        $0.requantize(
          $1[0], bias: bias, multiplier: $1[1], zeroPoint: $1[2], axis: axis, to: type)
      }
    }
    precondition(zeroPoint.count == 1, "one zero point for all elements")
    let codes = try makeValue(type, accumulator.shape)
    let bias = try bias ?? zeros(.int32, extent)
    try launchItems(
      kernel, count: runs.count, accumulator, bias, multiplier, zeroPoint, codes,
      constants(runs.words),
      UInt32(multiplier.count == 1 ? 0 : 1), UInt32(runs.count))
    return codes
  }

  /// A kernel of `Kernels/quantize`; `nil` where `type` is no integer of at most 32 bits.
  private func codeKernel(
    _ function: String, _ type: ElementType, _ runs: DeviceRuns
  ) -> DeviceKernel? {
    guard let range = type.integerRange, type.byteCount <= 4, let code = type.arithmeticType else {
      return nil
    }
    let file = "quantize/\(function).cl"
    let definitions = ["CODE=\(code)", "STEP=\(runs.steps[0])"]
    if function == "dequantize" {
      return DeviceKernel(file, function, definitions, preludes: ["prelude/runs.cl"])
    }
    return DeviceKernel(
      file, function,
      definitions + ["LOWEST=(\(range.lowerBound))", "HIGHEST=\(range.upperBound)"],
      preludes: ["prelude/divide.cl", "prelude/runs.cl", "prelude/codes.cl"])
  }

  private func zeros(_ type: ElementType, _ count: Int) throws -> Value {
    try upload(
      Tensor(
        elementType: type, shape: [count],
        storage: TensorStorage(byteCount: count * type.byteCount)))
  }

  /// How the parameters move over the elements; `nil` if that takes too many axes.
  func parameterRuns(
    _ shape: [Int], _ layout: QuantizationLayout, _ parameters: [Int]
  ) -> DeviceRuns? {
    // A last block that is not full needs the reference's detour.
    if case .blocks(let axis, let size) = layout, size < 1 || shape[axis] % size != 0 { return nil }
    return DeviceRuns(
      ParameterRuns(shape: shape, layout: layout, parameters: parameters).runs, bases: [0])
  }
}
