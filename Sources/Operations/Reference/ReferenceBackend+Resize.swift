import CElementary
import Glibc
public import Tensors

extension ReferenceBackend {
  /// `x` resampled to another extent along every axis; ONNX's Resize.
  ///
  /// An axis that keeps its extent at scale 1 is passed through. The nearest mode moves elements of any type. The others resample one axis after the other, the
  /// first axis first, by the sums of `AxisTaps`; numbers other than `float32` and `float64` are
  /// computed in `float32` and rounded half to even at the end, integers saturating.
  public func resize(_ x: Tensor, _ resampling: Resampling) -> Tensor {
    if case .nearest(let rounding) = resampling.interpolation {
      let maps = x.shape.indices.map { axis in
        resampling.leaves(axis: axis, extent: x.shape[axis])
          ? Array(0..<x.shape[axis])
          : resampling.nearestIndices(axis: axis, extent: x.shape[axis], rounding: rounding)
      }
      return selectIndices(x, maps, fill: Double(resampling.extrapolation))
    }
    var result = x.elementType == .float64 ? x : cast(x, to: .float32)
    for axis in x.shape.indices where !resampling.leaves(axis: axis, extent: x.shape[axis]) {
      let taps = resampling.taps(axis: axis, extent: x.shape[axis])
      result =
        x.elementType == .float64
        ? resampleFloat64(result, axis, taps, Double(resampling.extrapolation))
        : resampleFloat32(result, axis, taps, resampling.extrapolation)
    }
    if x.elementType.isInteger { result = map(.round, result) }
    return cast(result, to: x.elementType)
  }

  private func resampleFloat32(
    _ x: Tensor, _ axis: Int, _ taps: AxisTaps, _ extrapolation: Float
  ) -> Tensor {
    guard axis == x.rank - 1 else {
      return resample(x, axis, taps, extrapolation) { (weight, from, to, count) in
        ce_fma_row(weight, from, to, count)
      }
    }
    var shape = x.shape
    shape[axis] = taps.starts.count - 1
    let (extent, outputs) = (x.shape[axis], shape[axis])
    return Tensor(.float32, shape: shape) { memory in
      let to = memory.assumingMemoryBound(to: Float.self)
      x.withPointer(to: Float.self) { from in
        let rows = shape[..<axis].reduce(1, *)
        concurrentRanges(rows, grain: max(1, elementGrain / 4 / max(1, outputs))) { range in
          for row in range {
            ce_resample_row(
              from + row * extent, taps.starts, taps.indices, taps.weights, extrapolation,
              to + row * outputs, outputs)
          }
        }
      }
    }
  }

  private func resampleFloat64(
    _ x: Tensor, _ axis: Int, _ taps: AxisTaps, _ extrapolation: Double
  ) -> Tensor {
    resample(x, axis, taps, extrapolation) { (weight, from, to, count) in
      for i in 0..<count { to[i].addProduct(Double(weight), from[i]) }
    }
  }

  /// Rows of inner elements: for every output, `add(weight, row, sum, count)` of all taps.
  private func resample<Scalar: BinaryFloatingPoint & BitwiseCopyable>(
    _ x: Tensor, _ axis: Int, _ taps: AxisTaps, _ extrapolation: Scalar,
    _ add: (Float, UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, Int) -> Void
  ) -> Tensor {
    var shape = x.shape
    shape[axis] = taps.starts.count - 1
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outputs = shape[axis]
    return Tensor(x.elementType, shape: shape) { memory in
      let to = memory.assumingMemoryBound(to: Scalar.self)
      x.withPointer(to: Scalar.self) { from in
        let rows = shape[..<axis].reduce(1, *) * outputs
        concurrentRanges(rows, grain: max(1, elementGrain / 4 / max(1, inner))) { range in
          for row in range {
            let (outer, output) = (row / outputs, row % outputs)
            let target = to + row * inner
            let chosen = Int(taps.starts[output])..<Int(taps.starts[output + 1])
            if chosen.isEmpty { target.update(repeating: extrapolation, count: inner) }
            for tap in chosen {
              let source = outer * x.shape[axis] + Int(taps.indices[tap])
              add(taps.weights[tap], from + source * inner, target, inner)
            }
          }
        }
      }
    }
  }
}
