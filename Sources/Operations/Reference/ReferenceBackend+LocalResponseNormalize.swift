import CElementary
public import Tensors

extension ReferenceBackend {
  /// Local response normalization across channels of `x` `[N, C, ...]`, of `float32` or a 16-bit
  /// type: `x / pow(fma(alpha / size, sum, bias), beta)` with `sum` the squares of the channels
  /// `c - (size - 1) / 2 ... c + size / 2` that exist, added with `fma` in order.
  public func localResponseNormalize(
    _ x: Tensor, size: Int, alpha: Float, beta: Float, bias: Float
  ) -> Tensor {
    precondition(size > 0 && x.rank >= 2)
    precondition(x.elementType != .float64, "local response normalization of float64")
    let channels = x.shape[1]
    let inner = x.shape[2...].reduce(1, *)
    let wide = x.widened()
    let result = Tensor(.float32, shape: x.shape) { memory in
      let to = memory.assumingMemoryBound(to: Float.self)
      wide.withPointer(to: Float.self) { from in
        let grain = max(1, elementGrain / 8 / max(1, inner))
        concurrentRanges(x.shape[0] * channels, grain: grain) { range in
          for row in range {
            let channel = row % channels
            let first = row - channel + max(0, channel - (size - 1) / 2)
            let last = row - channel + min(channels - 1, channel + size / 2)
            let sums = to + row * inner
            for other in first...last { ce_add_squares_row(from + other * inner, sums, inner) }
            for i in 0..<inner { sums[i] = bias.addingProduct(alpha / Float(size), sums[i]) }
            withUnsafePointer(to: beta) { ce_power_row(sums, 1, $0, 0, sums, inner) }
            for i in 0..<inner { sums[i] = from[row * inner + i] / sums[i] }
          }
        }
      }
    }
    return result.narrowed(to: x.elementType)
  }
}
