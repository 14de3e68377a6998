public import Tensors

extension ReferenceBackend {
  /// Convolution of `float32` in the canonical order; see <doc:CanonicalFloats>.
  public func convolve(
    _ x: Tensor, weights: Tensor, bias: Tensor?, _ convolution: Convolution
  ) -> Tensor {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    return run(geometry, of: Float.self, x: x, bias: bias) { _ in weights }
  }

  /// The transpose of a convolution of `float32` in the canonical order; see <doc:CanonicalFloats>.
  public func convolveTransposed(
    _ x: Tensor, weights: Tensor, bias: Tensor?, _ convolution: TransposedConvolution
  ) -> Tensor {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    return run(geometry, of: Float.self, x: x, bias: bias) { pass in
      geometry.rows(ofTransposed: weights, taps: pass.taps)
    }
  }

  /// Convolution of 8-bit codes less their zero points in `int32` that wraps; a border counts as the
  /// zero point.
  public func convolveCodes(
    _ x: Tensor, zeroPoint: Tensor?, weights: Tensor, weightsZeroPoint: Tensor?,
    _ convolution: Convolution
  ) -> Tensor {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    let rowCount = weights.shape.dropFirst().reduce(1, *)
    let x = x.codes(less: zeroPoint) { _ in 0 }
    let weights = weights.codes(less: weightsZeroPoint) { $0 / rowCount }
    return run(geometry, of: Int32.self, x: x, bias: nil) { _ in weights }
  }

  /// Runs the passes; `weights` gives the rows of one, `[M, channels * taps]`.
  private func run<Element: ProductElement & TensorScalar>(
    _ geometry: ConvolutionGeometry, of _: Element.Type, x: Tensor, bias: Tensor?,
    weights: (ConvolutionGeometry.Pass) -> Tensor
  ) -> Tensor {
    precondition(
      bias.map { $0.shape == [geometry.groups * geometry.filters] } ?? true,
      "bias \(bias!.shape) for \(geometry.groups * geometry.filters) output channels")
    // The addresses of an empty tensor are valid, so a base address is never missing.
    return Tensor(shape: geometry.outputShape(rank: x.rank)) { y in
      for pass in geometry.passes {
        x.withElements(of: Element.self) { x in
          weights(pass).withElements(of: Element.self) { weights in
            ReferenceConvolution(
              geometry: geometry, pass: pass, x: x.baseAddress!, weights: weights.baseAddress!,
              bias: bias?.withElements { $0.baseAddress! }, y: y.baseAddress!
            ).run()
          }
        }
      }
    }
  }
}

extension ConvolutionGeometry {
  /// The rows `[groups * filters, channels * taps]` of one pass of a transposed convolution with
  /// `weights` `[groups * channels, filters, kernel...]`.
  package func rows(ofTransposed weights: Tensor, taps: [Tap]) -> Tensor {
    Tensor(shape: [groups * filters, channels * taps.count]) { rows in
      weights.withElements(of: Float.self) { weights in
        var k = 0
        for group in 0..<groups {
          for filter in 0..<filters {
            for channel in 0..<channels {
              let kernel = ((group * channels + channel) * filters + filter) * kernelCount
              for tap in taps {
                rows[k] = weights[kernel + tap.index]
                k += 1
              }
            }
          }
        }
      }
    }
  }
}

extension Tensor {
  /// 8-bit codes (or narrower ones, held a byte each) as `int32`, less a zero point of the same
  /// type; `index` gives the zero point's index, modulo their number, for an element's.
  func codes(less zeroPoint: Tensor?, index: (Int) -> Int) -> Tensor {
    let codes = int32Array
    let zeroPoints = zeroPoint?.int32Array ?? [0]
    return Tensor(shape: shape) { (result: UnsafeMutableBufferPointer<Int32>) in
      for i in codes.indices { result[i] = codes[i] - zeroPoints[index(i) % zeroPoints.count] }
    }
  }

  private var int32Array: [Int32] {
    Int8.represents(elementType)
      ? withElements(of: Int8.self) { $0.map(Int32.init) }
      : withElements(of: UInt8.self) { $0.map(Int32.init) }
  }
}
