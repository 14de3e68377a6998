public import Operations
import Tensors

extension OpenCLBackend {
  /// The derivative of a maximum pool of `float32` over one or two spatial dimensions; others on the
  /// reference.
  public func maximumPoolGradient(_ x: Value, _ dy: Value, _ pooling: Pooling) throws -> Value {
    guard (1...2).contains(pooling.window.kernel.count), x.count <= Int(Int32.max),
      dy.count <= Int(Int32.max)
    else {
      return try runOnHost("maximumPoolGradient", [x, dy]) {
        $0.maximumPoolGradient($1[0], $1[1], pooling)
      }
    }
    let dx = try makeValue(.float32, x.shape)
    let plane = SpatialPlane(x.shape, pooling)
    let planes = x.shape[0] * x.shape[1]
    let (inputs, outputs) = (plane.inputs.map { Int32($0) }, plane.outputs.map { Int32($0) })
    try launch(
      DeviceKernel("pool/maximum_gradient.cl", "maximum_gradient", plane.definitions),
      global: [planes], local: facts.isCPU ? [1] : workGroup([64]), x, dy, dx, Int32(planes),
      inputs[0], inputs[1], outputs[0], outputs[1], Int32(plane.before[0]), Int32(plane.before[1]))
    return dx
  }
}
