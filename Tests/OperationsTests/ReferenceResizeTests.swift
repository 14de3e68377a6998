import Glibc
import OperationCases
import Operations
import Tensors
import Testing

/// Resampling against ONNX's definition, evaluated over all input elements of every output.
@Suite struct ReferenceResizeTests {
  private let reference = ReferenceBackend.shared

  @Test(arguments: zip(OperationCase.resamplings, OperationCase.resamplings.indices))
  func everyOutputIsTheDefinedSum(_ example: OperationCase, _ number: Int) throws {
    guard case .resize(let resampling) = example.operation else { return }
    let x = example.inputs[0]
    let values = reference.cast(x, to: .float64).array(of: Double.self)
    let result = try example.result(on: reference)
    #expect(result.shape == resampling.extents && result.elementType == x.elementType)
    let computed = reference.cast(result, to: .float64).array(of: Double.self)
    for (position, index) in Indices(result.shape).enumerated() {
      var rows: [[Double]] = []
      for axis in index.indices {
        guard let row = weights(resampling, axis, x.shape[axis], index[axis]) else { break }
        rows.append(row)
      }
      var expected = 0.0
      if rows.count == index.count {
        for (source, element) in Indices(x.shape).enumerated() {
          expected += zip(rows, element).reduce(values[source]) { $0 * $1.0[$1.1] }
        }
      } else if case .cropAndResize(_, _, let extrapolation) = resampling.coordinates {
        expected = Double(extrapolation)
      }
      if let range = x.elementType.integerRange {
        // A half may fall to either side after float32 arithmetic.
        let clipped = min(max(expected, Double(range.lowerBound)), Double(range.upperBound))
        #expect(abs(computed[position] - clipped) <= 0.5 + 1e-4, "\(example) at \(index)")
      } else {
        #expect(
          abs(computed[position] - expected) <= 2e-6 * max(1, abs(expected)),
          "\(example) at \(index)")
      }
    }
  }

  /// The weight of every input element along one axis, or `nil` where the output is extrapolated.
  private func weights(_ r: Resampling, _ axis: Int, _ extent: Int, _ output: Int) -> [Double]? {
    let implied = Double(r.extents[axis]) / Double(extent)
    let scale = abs(implied - Double(r.scales[axis])) < 1e-6 ? implied : Double(r.scales[axis])
    // An axis that keeps its extent is passed through, as in ONNX, whatever its coordinates say.
    if scale == 1, r.coordinates == .tensorflowHalfPixelForNearest {
      return (0..<extent).map { $0 == output ? 1 : 0 }
    }
    let (n, length) = (Double(extent), Double(extent) * scale)
    let y = Double(output)
    var x: Double
    switch r.coordinates {
    case .halfPixel: x = (y + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      x = n / 2 * (1 - Double(r.extents[axis]) / length) + (y + 0.5) / scale - 0.5
    case .pytorchHalfPixel: x = length > 1 ? (y + 0.5) / scale - 0.5 : -0.5
    case .alignCorners: x = length == 1 ? 0 : y * (n - 1) / (length - 1)
    case .asymmetric: x = y / scale
    case .tensorflowHalfPixelForNearest: x = (y + 0.5) / scale
    case .cropAndResize(let start, let end, _):
      let (s, e) = (Double(start[axis]), Double(end[axis]))
      x = length > 1 ? s * (n - 1) + y * (e - s) * (n - 1) / (length - 1) : 0.5 * (s + e) * (n - 1)
      if x < 0 || x > n - 1 { return nil }
    }
    var row = [Double](repeating: 0, count: extent)
    if case .nearest(let rounding) = r.interpolation {
      let below = x.rounded(.down)
      let fraction = x - below
      let up =
        switch rounding {
        case .floor: false
        case .ceil: fraction > 0
        case .preferFloor: fraction > 0.5
        case .preferCeil: fraction >= 0.5
        }
      row[min(max(Int(below) + (up ? 1 : 0), 0), extent - 1)] = 1
      return row
    }
    let squeeze = r.antialias ? min(scale, 1) : 1
    let reach = Int(4 / squeeze) + 2
    var sum = 0.0
    for tap in (Int(x.rounded(.down)) - reach)...(Int(x.rounded(.down)) + reach) {
      if r.excludesOutside && !(0..<extent).contains(tap) { continue }
      let weight = kernel(abs(Double(tap) - x) * squeeze, r.interpolation)
      row[min(max(tap, 0), extent - 1)] += weight
      sum += weight
    }
    return r.antialias || r.excludesOutside ? row.map { $0 / sum } : row
  }

  private func kernel(_ d: Double, _ interpolation: Resampling.Interpolation) -> Double {
    guard case .cubic(let coefficient) = interpolation else { return d < 1 ? 1 - d : 0 }
    let a = Double(coefficient)
    if d < 1 { return (a + 2) * pow(d, 3) - (a + 3) * pow(d, 2) + 1 }
    return d < 2 ? a * pow(d, 3) - 5 * a * pow(d, 2) + 8 * a * d - 4 * a : 0
  }
}
