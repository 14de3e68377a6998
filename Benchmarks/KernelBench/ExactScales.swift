import Glibc
import Operations
import Quantization
import Tensors

/// The least squared error of symmetric quantizers over all scales, to judge a search by.
///
/// Coming from a large scale, the code of a value grows by one whenever the scale passes `|x| / (k -
/// 1/2)`. Between two such events the error is a parabola in the scale, so the least of all parabolas'
/// vertices is the optimum; a vertex that lies outside its own parabola's interval is above it.
struct ExactScales {
  let levels: Int

  /// How far the squared errors of `quantizers` on the rows of `x` are above the least ones.
  func excess(of quantizers: [Quantizer], on x: Tensor) -> BenchmarkResult.Excess {
    let (rows, length) = (x.shape[0], x.shape[1])
    let errors = x.withElements(of: Float.self) { values in
      let sendable = Rows(values: values, length: length)
      return [Double](unsafeUninitializedCapacity: 2 * rows) { errors, count in
        nonisolated(unsafe) let errors = errors
        concurrently(rows) { row in
          let values = sendable[row]
          errors[2 * row] = quantizers[row].meanSquaredError(of: values) * Double(length)
          errors[2 * row + 1] = leastSquaredError(values)
        }
        count = 2 * rows
      }
    }
    var (found, least, worst) = (0.0, 0.0, 0.0)
    for row in 0..<rows {
      found += errors[2 * row]
      least += errors[2 * row + 1]
      worst = max(worst, errors[2 * row] / errors[2 * row + 1] - 1)
    }
    return BenchmarkResult.Excess(mean: found / least - 1, worst: worst)
  }

  /// The least sum of squared errors over all scales.
  func leastSquaredError(_ values: UnsafeBufferPointer<Float>) -> Double {
    struct Event {
      let scale: Double
      let magnitude: Double
      let code: Double
    }
    var events: [Event] = []
    events.reserveCapacity(values.count * levels / 2)
    var squares = 0.0
    for value in values where value != 0 {
      let magnitude = Double(value.magnitude)
      squares += magnitude * magnitude
      for code in 1...max(value > 0 ? (levels - 1) / 2 : levels / 2, 1)
      where value < 0 || levels > 2 {
        let code = Double(code)
        events.append(Event(scale: magnitude / (code - 0.5), magnitude: magnitude, code: code))
      }
    }
    events.sort { $0.scale > $1.scale }
    // Equation (1) of ScaleSearch's short rows: E = sum of x^2 - 2 s A + s^2 Q, at s = A / Q.
    var (least, products, codeSquares) = (squares, 0.0, 0.0)
    for event in events {
      products += event.magnitude
      codeSquares += 2 * event.code - 1
      least = min(least, squares - products * products / codeSquares)
    }
    return least
  }
}

/// The rows of a tensor.
///
/// `@unchecked Sendable` because the tensor is only read, and outlives the calls.
private struct Rows: @unchecked Sendable {
  let values: UnsafeBufferPointer<Float>
  let length: Int
  subscript(_ row: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: values[row * length..<(row + 1) * length])
  }
}
