public import Operations
import Tensors

extension OpenCLBackend {
  /// Pooling over one or two spatial dimensions: the maximum of `float32` and of integers, averages
  /// and the 1- and 2-norm of `float32`; others on the reference.
  public func pool(_ x: Value, _ pooling: Pooling) throws -> Value {
    let window = pooling.window
    guard let form = PoolForm(pooling.function, x.elementType),
      let type = x.elementType.arithmeticType, (1...2).contains(window.kernel.count),
      x.count <= Int(Int32.max)
    else { return try runOnHost("pool", [x]) { $0.pool($1[0], pooling) } }
    let y = try makeValue(x.elementType, Array(x.shape[..<2]) + pooling.outputExtents)
    // One dimension is a plane of one row.
    let plane = SpatialPlane(x.shape, pooling)
    let kernel = DeviceKernel(
      "pool/pool.cl", "pool",
      [
        "T=\(type)", "TV=\(type)16", "INITIAL=\(form.initial)", "COMBINE=\(form.combine)",
        "FINISH=\(form.finish)", "BORDER=\(form.countsBorder ? 1 : 0)",
      ] + plane.definitions, preludes: ["prelude/divide.cl"])
    let planes = x.shape[0] * x.shape[1]
    let rows = 16
    let (inputs, outputs) = (plane.inputs.map { Int32($0) }, plane.outputs.map { Int32($0) })
    let (before, after) = (plane.before.map { Int32($0) }, plane.after.map { Int32($0) })
    try launch(
      kernel,
      global: facts.isCPU
        ? [planes, (plane.outputs[0] + rows - 1) / rows]
        : [plane.outputs[1], plane.outputs[0], planes],
      local: facts.isCPU ? [1, 1] : workGroup([16, 16, 1]),
      x, y, Int32(facts.isCPU ? rows : planes), inputs[0], inputs[1], outputs[0], outputs[1],
      before[0], before[1], after[0], after[1])
    return y
  }
}

/// What the kernel `pool` is told about a function.
private struct PoolForm {
  let initial: String
  let combine: String
  var finish = "r"
  var countsBorder = false

  /// `nil` if the device has no kernel for it.
  init?(_ function: Pooling.Function, _ type: ElementType) {
    switch (function, type) {
    case (.maximum, .float32):
      initial = "-INFINITY"
      combine = "((v > r) | (v != v)) ? v : r"
    case (.maximum, .int8), (.maximum, .uint8), (.maximum, .int16), (.maximum, .uint16),
      (.maximum, .int32):
      guard let lowest = type.integerRange?.lowerBound else { return nil }
      initial = "(T)(\(lowest + 1) - 1)"  // INT_MIN has no literal
      combine = "max(v, r)"
    case (.average(let countsBorder), .float32):
      initial = "0.0f"
      combine = "r + v"
      finish = "lb_divide(r, counted)"
      self.countsBorder = countsBorder
    case (.norm(1), .float32):
      initial = "0.0f"
      combine = "r + fabs(v)"
    case (.norm(2), .float32):
      initial = "0.0f"
      combine = "fma(v, v, r)"
      finish = "lb_sqrt(r)"
    default: return nil
    }
  }
}

/// The two dimensions that kernels of pools know, for one spatial dimension or two.
struct SpatialPlane {
  let inputs: [Int], outputs: [Int]
  let kernel: [Int], strides: [Int], dilations: [Int]
  let before: [Int], after: [Int]

  init(_ shape: [Int], _ pooling: Pooling) {
    let isLine = pooling.window.kernel.count == 1
    func two(_ values: [Int], _ missing: Int) -> [Int] { isLine ? [missing] + values : values }
    inputs = two(Array(shape[2...]), 1)
    outputs = two(pooling.outputExtents, 1)
    kernel = two(pooling.window.kernel, 1)
    strides = two(pooling.window.strides, 1)
    dilations = two(pooling.window.dilations, 1)
    before = two(pooling.window.padBefore, 0)
    after = two(pooling.window.padAfter, 0)
  }

  /// The window as kernels are told it.
  var definitions: [String] {
    [
      "KERNEL_Y=\(kernel[0])", "KERNEL_X=\(kernel[1])", "STRIDE_Y=\(strides[0])",
      "STRIDE_X=\(strides[1])", "DILATION_Y=\(dilations[0])", "DILATION_X=\(dilations[1])",
    ]
  }
}
