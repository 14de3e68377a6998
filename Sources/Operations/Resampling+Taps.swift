import Glibc

/// Which elements along one axis an output of a resampling is made of, and with which weights.
///
/// Output `i` is the sum of `weights[t] * x[indices[t]]` over `t` in `starts[i]..<starts[i + 1]`,
/// added from 0 in that order with `fma`; without taps it is the extrapolation value. Taps of weight
/// 0 are left out. Backends take these tables from here, so that all round alike.
package struct AxisTaps: Sendable {
  package var starts: [Int32] = [0]
  package var indices: [Int32] = []
  package var weights: [Float] = []
}

extension Resampling {
  /// Whether the axis, of extent `extent`, is passed through.
  package func leaves(axis: Int, extent: Int) -> Bool {
    if case .cropAndResize(let start, let end, _) = coordinates,
      start[axis] != 0 || end[axis] != 1
    {
      return false
    }
    return extents[axis] == extent && abs(scales[axis] - 1) < 1e-6
  }

  /// What an output outside the input is given in crop-and-resize; 0 elsewhere, where there is none.
  package var extrapolation: Float {
    if case .cropAndResize(_, _, let value) = coordinates { return value }
    return 0
  }

  /// For the nearest mode: the input index of every output along `axis`, or -1 outside the input in
  /// crop-and-resize.
  package func nearestIndices(axis: Int, extent: Int, rounding: Rounding) -> [Int] {
    (0..<extents[axis]).map { output in
      let x = coordinate(of: output, axis: axis, extent: extent)
      if isExtrapolated(x, extent) { return -1 }
      let nearest: Double
      switch rounding {
      case .preferFloor: nearest = (x - 0.5).rounded(.up)
      case .preferCeil: nearest = (x + 0.5).rounded(.down)
      case .floor: nearest = x.rounded(.down)
      case .ceil: nearest = x.rounded(.up)
      }
      return min(max(Int(nearest), 0), extent - 1)
    }
  }

  /// For the linear and cubic modes: the taps along `axis`. Weights are computed in `float64` and
  /// rounded once.
  package func taps(axis: Int, extent: Int) -> AxisTaps {
    var taps = AxisTaps()
    for output in 0..<extents[axis] {
      let x = coordinate(of: output, axis: axis, extent: extent)
      if !isExtrapolated(x, extent) {
        for (index, weight) in weights(around: x, axis: axis, extent: extent) where weight != 0 {
          taps.indices.append(Int32(min(max(index, 0), extent - 1)))
          taps.weights.append(Float(weight))
        }
      }
      taps.starts.append(Int32(taps.indices.count))
    }
    return taps
  }

  private func isExtrapolated(_ x: Double, _ extent: Int) -> Bool {
    guard case .cropAndResize = coordinates else { return false }
    return x < 0 || x > Double(extent - 1)
  }

  /// The scale that the extents imply, exactly, where the stated one is that ratio rounded.
  private func exactScale(axis: Int, extent: Int) -> Double {
    let ratio = Double(extents[axis]) / Double(extent)
    return Float(ratio) == scales[axis] ? ratio : Double(scales[axis])
  }

  /// Where output `output` lies along an input axis of `extent` elements; ONNX's
  /// coordinate_transformation_mode.
  private func coordinate(of output: Int, axis: Int, extent: Int) -> Double {
    let scale = exactScale(axis: axis, extent: extent)
    let (y, width) = (Double(output), Double(extent))
    let resized = scale * width
    switch coordinates {
    case .halfPixel: return (y + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return resized == 1 ? -0.5 : (y + 0.5) / scale - 0.5
    case .asymmetric: return y / scale
    case .tensorflowHalfPixelForNearest: return (y + 0.5) / scale
    case .alignCorners: return resized == 1 ? 0 : y * (width - 1) / (resized - 1)
    case .halfPixelSymmetric:
      let offset = width / 2 * (1 - Double(extents[axis]) / resized)
      return offset + (y + 0.5) / scale - 0.5
    case .cropAndResize(let starts, let ends, _):
      let (start, end) = (Double(starts[axis]), Double(ends[axis]))
      return resized == 1
        ? (start + end) * (width - 1) / 2
        : start * (width - 1) + y * (end - start) * (width - 1) / (resized - 1)
    }
  }

  /// Taps in ascending order, which may lie outside the input, with normalised weights.
  private func weights(around x: Double, axis: Int, extent: Int) -> [(index: Int, weight: Double)] {
    // A low-pass filter is the kernel stretched over the input elements that one output covers.
    let squeeze = antialias ? min(exactScale(axis: axis, extent: extent), 1) : 1
    let radius: Double
    switch interpolation {
    case .nearest: preconditionFailure("the nearest mode has no weights")
    case .linear: radius = 1 / squeeze
    case .cubic: radius = 2 / squeeze
    }
    let first = Int((x - radius).rounded(.down)) + 1
    let last = max(first, Int((x + radius).rounded(.up)) - 1)
    var taps = (first...last).map { ($0, kernel((Double($0) - x) * squeeze)) }
    if excludesOutside { taps.removeAll { !(0..<extent).contains($0.0) } }
    let sum = taps.reduce(0) { $0 + $1.1 }
    return (antialias || excludesOutside) && sum != 0 ? taps.map { ($0.0, $0.1 / sum) } : taps
  }

  /// The interpolation's kernel at distance `x`; the cubic one is Keys' (1981).
  private func kernel(_ x: Double) -> Double {
    let d = abs(x)
    guard case .cubic(let coefficient) = interpolation else { return max(0, 1 - d) }
    let a = Double(coefficient)
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }
}
