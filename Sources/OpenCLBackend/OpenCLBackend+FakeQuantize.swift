public import Operations
import Tensors

extension OpenCLBackend {
  /// `(clip(rint(x / scale) + zeroPoint, 0, levels - 1) - zeroPoint) * scale`
  public func fakeQuantize(
    _ x: Value, scale: Value, zeroPoint: Value, layout: QuantizationLayout, levels: Int
  ) throws -> Value {
    guard let runs = parameterRuns(x.shape, layout, scale.shape) else {
      return try runOnHost("fakeQuantize", [x, scale, zeroPoint]) {
        $0.fakeQuantize($1[0], scale: $1[1], zeroPoint: $1[2], layout: layout, levels: levels)
      }
    }
    let y = try makeValue(.float32, x.shape)
    try launchItems(
      fakeQuantizer("fake_quantize", levels, runs), count: runs.count, x, scale, zeroPoint, y,
      constants(runs.words), UInt32(runs.count))
    return y
  }

  /// `dy` where `x` lies within the quantizer's range, else 0.
  public func fakeQuantizeGradient(
    _ x: Value, scale: Value, zeroPoint: Value, dy: Value, layout: QuantizationLayout, levels: Int
  ) throws -> Value {
    guard let runs = parameterRuns(x.shape, layout, scale.shape) else {
      return try runOnHost("fakeQuantizeGradient", [x, scale, zeroPoint, dy]) {
        $0.fakeQuantizeGradient(
          $1[0], scale: $1[1], zeroPoint: $1[2], dy: $1[3], layout: layout, levels: levels)
      }
    }
    let dx = try makeValue(.float32, x.shape)
    try launchItems(
      fakeQuantizer("fake_quantize_gradient", levels, runs), count: runs.count, x, scale, zeroPoint,
      dy, dx, constants(runs.words), UInt32(runs.count))
    return dx
  }

  private func fakeQuantizer(
    _ function: String, _ levels: Int, _ runs: DeviceRuns
  ) -> DeviceKernel {
    DeviceKernel(
      "quantize/fake_quantize.cl", function, ["TOP=\(levels - 1).0f", "STEP=\(runs.steps[0])"],
      preludes: ["prelude/divide.cl", "prelude/runs.cl"])
  }
}
