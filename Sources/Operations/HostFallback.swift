public import Tensors

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension HostFallback {
  /// Brings `values` back, runs `body` on the reference and uploads its result; counted under `name`.
  package func runOnHost(
    _ name: StaticString, _ values: [Value],
    _ body: (_ reference: ReferenceBackend, _ tensors: [Tensor]) throws -> Tensor
  ) throws -> Value {
    noteHostOperation(name)
    return try upload(body(.shared, values.map(download)))
  }

  public func map(_ function: UnaryFunction, _ x: Value) throws -> Value {
    try runOnHost("map", [x]) { $0.map(function, $1[0]) }
  }

  public func combine(_ function: BinaryFunction, _ a: Value, _ b: Value) throws -> Value {
    try runOnHost("combine", [a, b]) { $0.combine(function, $1[0], $1[1]) }
  }

  public func select(_ condition: Value, _ a: Value, _ b: Value) throws -> Value {
    try runOnHost("select", [condition, a, b]) { $0.select($1[0], $1[1], $1[2]) }
  }

  public func cast(_ x: Value, to elementType: ElementType) throws -> Value {
    try runOnHost("cast", [x]) { $0.cast($1[0], to: elementType) }
  }

  public func transpose(_ x: Value, _ permutation: [Int]) throws -> Value {
    try runOnHost("transpose", [x]) { $0.transpose($1[0], permutation) }
  }

  public func slice(_ x: Value, starts: [Int], steps: [Int], extents: [Int]) throws -> Value {
    try runOnHost("slice", [x]) { $0.slice($1[0], starts: starts, steps: steps, extents: extents) }
  }

  public func pad(_ x: Value, _ padding: Padding) throws -> Value {
    try runOnHost("pad", [x]) { $0.pad($1[0], padding) }
  }

  public func concatenate(_ values: [Value], axis: Int) throws -> Value {
    try runOnHost("concatenate", values) { $0.concatenate($1, axis: axis) }
  }

  public func gather(_ x: Value, indices: Value, axis: Int) throws -> Value {
    try runOnHost("gather", [x, indices]) { $0.gather($1[0], indices: $1[1], axis: axis) }
  }

  public func broadcast(_ x: Value, to shape: [Int]) throws -> Value {
    try runOnHost("broadcast", [x]) { $0.broadcast($1[0], to: shape) }
  }

  public func resize(_ x: Value, _ resampling: Resampling) throws -> Value {
    try runOnHost("resize", [x]) { $0.resize($1[0], resampling) }
  }

  public func reduce(_ function: Reduction, _ x: Value, axes: [Int]) throws -> Value {
    try runOnHost("reduce", [x]) { $0.reduce(function, $1[0], axes: axes) }
  }

  public func softmax(_ x: Value, axis: Int, logarithm: Bool) throws -> Value {
    try runOnHost("softmax", [x]) { $0.softmax($1[0], axis: axis, logarithm: logarithm) }
  }

  public func normalize(_ x: Value, axes: [Int], epsilon: Float) throws -> Value {
    try runOnHost("normalize", [x]) { $0.normalize($1[0], axes: axes, epsilon: epsilon) }
  }
}

// MARK: - Products and pooling

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension HostFallback {
  public func matrixMultiply(_ a: Value, _ b: Value) throws -> Value {
    try runOnHost("matrixMultiply", [a, b]) { $0.matrixMultiply($1[0], $1[1]) }
  }

  public func convolve(
    _ x: Value, weights: Value, bias: Value?, _ convolution: Convolution
  ) throws -> Value {
    try runOnHost("convolve", [x, weights] + optional(bias)) {
      $0.convolve($1[0], weights: $1[1], bias: $1.count > 2 ? $1[2] : nil, convolution)
    }
  }

  public func convolveTransposed(
    _ x: Value, weights: Value, bias: Value?, _ convolution: TransposedConvolution
  ) throws -> Value {
    try runOnHost("convolveTransposed", [x, weights] + optional(bias)) {
      $0.convolveTransposed($1[0], weights: $1[1], bias: $1.count > 2 ? $1[2] : nil, convolution)
    }
  }

  public func pool(_ x: Value, _ pooling: Pooling) throws -> Value {
    try runOnHost("pool", [x]) { $0.pool($1[0], pooling) }
  }

  public func localResponseNormalize(
    _ x: Value, size: Int, alpha: Float, beta: Float, bias: Float
  ) throws -> Value {
    try runOnHost("localResponseNormalize", [x]) {
      $0.localResponseNormalize($1[0], size: size, alpha: alpha, beta: beta, bias: bias)
    }
  }

  private func optional(_ value: Value?) -> [Value] { value.map { [$0] } ?? [] }
}

// MARK: - Quantization

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension HostFallback {
  public func quantize(
    _ x: Value, scale: Value, zeroPoint: Value?, layout: QuantizationLayout, to type: ElementType
  ) throws -> Value {
    let zeroPoint = try zeroPoint.map(download)
    return try runOnHost("quantize", [x, scale]) {
      $0.quantize($1[0], scale: $1[1], zeroPoint: zeroPoint, layout: layout, to: type)
    }
  }

  public func dequantize(
    _ x: Value, scale: Value, zeroPoint: Value?, layout: QuantizationLayout
  ) throws -> Value {
    let zeroPoint = try zeroPoint.map(download)
    return try runOnHost("dequantize", [x, scale]) {
      $0.dequantize($1[0], scale: $1[1], zeroPoint: zeroPoint, layout: layout)
    }
  }

  public func convolveCodes(
    _ x: Value, zeroPoint: Value?, weights: Value, weightsZeroPoint: Value?,
    _ convolution: Convolution
  ) throws -> Value {
    let zeroPoint = try zeroPoint.map(download)
    let weightsZeroPoint = try weightsZeroPoint.map(download)
    return try runOnHost("convolveCodes", [x, weights]) {
      $0.convolveCodes(
        $1[0], zeroPoint: zeroPoint, weights: $1[1], weightsZeroPoint: weightsZeroPoint,
        convolution)
    }
  }

  public func matrixMultiplyCodes(
    _ a: Value, zeroPoint aZeroPoint: Value?, _ b: Value, zeroPoint bZeroPoint: Value?
  ) throws -> Value {
    let aZeroPoint = try aZeroPoint.map(download)
    let bZeroPoint = try bZeroPoint.map(download)
    return try runOnHost("matrixMultiplyCodes", [a, b]) {
      $0.matrixMultiplyCodes($1[0], zeroPoint: aZeroPoint, $1[1], zeroPoint: bZeroPoint)
    }
  }

  public func requantize(
    _ accumulator: Value, bias: Value?, multiplier: Value, zeroPoint: Value, axis: Int,
    to elementType: ElementType
  ) throws -> Value {
    let bias = try bias.map(download)
    return try runOnHost("requantize", [accumulator, multiplier, zeroPoint]) {
      $0.requantize(
        $1[0], bias: bias, multiplier: $1[1], zeroPoint: $1[2], axis: axis, to: elementType)
    }
  }
}
