import Operations

extension ShapeBackend {
  func convolutionWeightGradient(
    _ x: ShapeValue, _ dy: ShapeValue, _ convolution: Convolution
  ) -> ShapeValue {
    let shape = [dy.shape[1], x.shape[1] / convolution.groups] + convolution.window.kernel
    count(shape.reduce(1, *), dy.count / max(dy.shape[1], 1))
    return reshape(x, to: shape)
  }

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
