import Operations

extension ShapeBackend {
  func maximumPoolGradient(_ x: ShapeValue, _ dy: ShapeValue, _ pooling: Pooling) -> ShapeValue {
    x
  }

  func fakeQuantize(
    _ x: ShapeValue, scale: ShapeValue, zeroPoint: ShapeValue, layout: QuantizationLayout,
    levels: Int
  ) -> ShapeValue { x }

  func fakeQuantizeGradient(
    _ x: ShapeValue, scale: ShapeValue, zeroPoint: ShapeValue, dy: ShapeValue,
    layout: QuantizationLayout, levels: Int
  ) -> ShapeValue { x }
}
