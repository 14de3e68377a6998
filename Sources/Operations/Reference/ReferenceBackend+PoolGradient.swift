public import Tensors

extension ReferenceBackend {
  /// The derivative of ``pool(_:_:)`` for maxima, from that of its result: every window's goes to the
  /// first of its largest taps, in row-major order, of which a NaN is larger than a number; what
  /// comes together is added from 0 in the order of the windows.
  public func maximumPoolGradient(_ x: Tensor, _ dy: Tensor, _ pooling: Pooling) -> Tensor {
    precondition(
      x.elementType == .float32 && pooling.function == .maximum,
      "the derivative of \(pooling.function) of \(x.elementType)")
    let windows = PoolWindows(x.shape, pooling)
    return Tensor(shape: x.shape) { (dx: UnsafeMutableBufferPointer<Float>) in
      x.withElements(of: Float.self) { x in
        dy.withElements(of: Float.self) { dy in
          concurrentRanges(x.count / max(1, windows.inputCount), grain: 1) { planes in
            for plane in planes {
              let source = plane * windows.inputCount
              windows.forEachOutput(-1) { best, tap in
                guard best >= 0 else { return tap }
                let (value, largest) = (x[source + tap], x[source + best])
                return value > largest || value.isNaN && !largest.isNaN ? tap : best
              } _: { output, best, _ in
                if best >= 0 { dx[source + best] += dy[plane * windows.outputCount + output] }
              }
            }
          }
        }
      }
    }
  }
}
