import Operations
import Tensors

extension ShapeBackend {
  func packCodes(_ codes: ShapeValue, zeroPoint: Int, bits: Int) -> PackedCodes<ShapeValue> {
    let layout = CodeLayout(channels: codes.shape[1], bits: bits)
    let spatial = Array(repeating: 1, count: max(0, 4 - codes.rank)) + codes.shape[2...]
    let offset = Int8.represents(codes.elementType) ? layout.offset : 0
    return packed([codes.shape[0]] + spatial, layout, zeroPoint: zeroPoint + offset)
  }

  func unpackCodes(
    _ packed: PackedCodes<ShapeValue>, to elementType: ElementType, shape: [Int]
  ) -> ShapeValue {
    ShapeValue(elementType: elementType, shape: shape)
  }

  func sumPacked(
    _ x: PackedCodes<ShapeValue>, weights: CodedWeights<ShapeValue>, _ convolution: Convolution
  ) -> ShapeValue {
    let codes = ShapeValue(elementType: .uint8, shape: x.shape)
    let factors = ShapeValue(elementType: .int8, shape: weights.shape)
    return cast(convolve(codes, weights: factors, bias: nil, convolution), to: .int32)
  }

  func convolvePacked(
    _ x: PackedCodes<ShapeValue>, weights: CodedWeights<ShapeValue>, _ convolution: Convolution,
    _ epilogue: Epilogue<ShapeValue>
  ) -> PackedCodes<ShapeValue> {
    let sums = sumPacked(x, weights: weights, convolution).shape
    return packed(
      [sums[0], sums[2], sums[3]], CodeLayout(channels: sums[1], bits: epilogue.bits),
      zeroPoint: epilogue.residual?.resultZeroPoint ?? epilogue.zeroPoint)
  }

  func mapCodes(
    _ x: ShapeValue, table: ShapeValue, to elementType: ElementType, axis: Int, channels: Int
  ) -> ShapeValue {
    ShapeValue(elementType: elementType, shape: x.shape)
  }

  func combinePacked(
    _ combination: CodeCombination, _ a: PackedCodes<ShapeValue>, _ b: PackedCodes<ShapeValue>,
    to result: CodeScaling
  ) -> PackedCodes<ShapeValue> {
    PackedCodes(a.bytes, layout: a.layout, zeroPoint: result.zeroPoint)
  }

  func poolPacked(
    _ x: PackedCodes<ShapeValue>, _ pooling: CodePooling
  ) -> PackedCodes<ShapeValue> {
    packed(
      [x.shape[0]] + pooling.outputExtents, x.layout,
      zeroPoint: pooling.zeroPoint(of: x.zeroPoint))
  }

  func movePacked(
    _ parts: [PackedCodes<ShapeValue>], _ movement: CodeMovement
  ) -> PackedCodes<ShapeValue> {
    packed(
      [movement.shape[0]] + movement.shape[2...], movement.layout, zeroPoint: parts[0].zeroPoint)
  }

  private func packed(
    _ pixels: [Int], _ layout: CodeLayout, zeroPoint: Int
  ) -> PackedCodes<ShapeValue> {
    PackedCodes(
      ShapeValue(elementType: .uint8, shape: pixels + [layout.pixelBytes]), layout: layout,
      zeroPoint: zeroPoint)
  }
}
