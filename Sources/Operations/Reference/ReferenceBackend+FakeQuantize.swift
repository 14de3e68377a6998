public import Tensors

extension ReferenceBackend {
  /// `(clip(rint(x / scale) + zeroPoint, 0, levels - 1) - zeroPoint) * scale`, ties to even; a NaN
  /// stays one.
  public func fakeQuantize(
    _ x: Tensor, scale: Tensor, zeroPoint: Tensor, layout: QuantizationLayout, levels: Int
  ) -> Tensor {
    mapParameters(x, scale: scale, zeroPoint: zeroPoint, layout: layout) { x, _, scale, zero in
      guard !x.isNaN else { return x }
      let code = (x / scale).rounded(.toNearestOrEven) + zero
      return (min(max(code, 0), Float(levels - 1)) - zero) * scale
    }
  }

  /// The straight-through estimator of ``fakeQuantize(_:scale:zeroPoint:layout:levels:)``: `dy` where
  /// `-zeroPoint * scale <= x <= (levels - 1 - zeroPoint) * scale`, else 0.
  public func fakeQuantizeGradient(
    _ x: Tensor, scale: Tensor, zeroPoint: Tensor, dy: Tensor, layout: QuantizationLayout,
    levels: Int
  ) -> Tensor {
    dy.withElements(of: Float.self) { dy in
      mapParameters(x, scale: scale, zeroPoint: zeroPoint, layout: layout) {
        x, index, scale, zero in
        x >= -zero * scale && x <= (Float(levels - 1) - zero) * scale ? dy[index] : 0
      }
    }
  }

  /// `function` of every element, its index, its scale and its zero point.
  private func mapParameters(
    _ x: Tensor, scale: Tensor, zeroPoint: Tensor, layout: QuantizationLayout,
    _ function: (Float, Int, Float, Float) -> Float
  ) -> Tensor {
    precondition(zeroPoint.count == scale.count, "\(zeroPoint) beside scales \(scale)")
    let runs = ParameterRuns(shape: x.shape, layout: layout, parameters: scale.shape)
    return Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      x.withElements(of: Float.self) { x in
        scale.withElements(of: Float.self) { scales in
          zeroPoint.withElements(of: Int32.self) { zeroPoints in
            concurrentRanges(runs.count, grain: elementGrain) { range in
              runs.forEachRun(in: range) { start, count, parameter, step in
                for i in start..<(start + count) {
                  let at = parameter + (i - start) * step
                  y[i] = function(x[i], i, scales[at], Float(zeroPoints[at]))
                }
              }
            }
          }
        }
      }
    }
  }
}
