import Tensors

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension HostFallback {
  public func convolutionWeightGradient(
    _ x: Value, _ dy: Value, _ convolution: Convolution
  ) throws -> Value {
    try runOnHost("convolutionWeightGradient", [x, dy]) {
      $0.convolutionWeightGradient($1[0], $1[1], convolution)
    }
  }

  public func maximumPoolGradient(_ x: Value, _ dy: Value, _ pooling: Pooling) throws -> Value {
    try runOnHost("maximumPoolGradient", [x, dy]) {
      $0.maximumPoolGradient($1[0], $1[1], pooling)
    }
  }

  public func fakeQuantize(
    _ x: Value, scale: Value, zeroPoint: Value, layout: QuantizationLayout, levels: Int
  ) throws -> Value {
    try runOnHost("fakeQuantize", [x, scale, zeroPoint]) {
      $0.fakeQuantize($1[0], scale: $1[1], zeroPoint: $1[2], layout: layout, levels: levels)
    }
  }

  public func fakeQuantizeGradient(
    _ x: Value, scale: Value, zeroPoint: Value, dy: Value, layout: QuantizationLayout, levels: Int
  ) throws -> Value {
    try runOnHost("fakeQuantizeGradient", [x, scale, zeroPoint, dy]) {
      $0.fakeQuantizeGradient(
        $1[0], scale: $1[1], zeroPoint: $1[2], dy: $1[3], layout: layout, levels: levels)
    }
  }
}
