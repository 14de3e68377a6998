import Glibc
import OperationCases
import Operations
import Tensors
import Testing

/// Pooling against its formula, tap by tap.
@Suite struct ReferencePoolingTests {
  private let reference = ReferenceBackend.shared

  @Test(arguments: zip(OperationCase.poolings, OperationCase.poolings.indices))
  func windowsCoverWhatTheyShould(_ example: OperationCase, _ number: Int) throws {
    guard case .pool(let pooling) = example.operation else { return }
    let x = example.inputs[0]
    let window = pooling.window
    let values = reference.cast(x, to: .float64).array(of: Double.self)
    let result = try example.result(on: reference)
    #expect(result.shape == Array(x.shape[..<2]) + pooling.outputExtents)
    let computed = reference.cast(result, to: .float64).array(of: Double.self)
    for (position, index) in Indices(result.shape).enumerated() {
      var taps: [Double] = []
      var onBorder = 0
      for tap in Indices(window.kernel) {
        let at = tap.indices.map {
          index[$0 + 2] * window.strides[$0] - window.padBefore[$0] + tap[$0] * window.dilations[$0]
        }
        if zip(at, x.shape[2...]).allSatisfy({ (0..<$1).contains($0) }) {
          taps.append(values[Indices.offset(Array(index[..<2]) + at, in: x.shape)])
        } else if at.indices.allSatisfy({ at[$0] < x.shape[$0 + 2] + window.padAfter[$0] }) {
          onBorder += 1
        }
      }
      let expected = exact(pooling.function, taps, onBorder, x.elementType)
      let c = computed[position]
      let largest = Double(Float.greatestFiniteMagnitude)
      let overflow = pooling.function == .norm(p: 2) ? largest.squareRoot() : largest / 4
      let unit = Double(taps.count + 16) * 0x1p-24
      #expect(
        c == expected || c.isNaN && expected.isNaN
          // Sums, and squares before their root, overflow float32 and not float64.
          || c.isInfinite && abs(expected) > overflow
          || abs(c - expected) <= unit * (taps.map { abs($0) }.max() ?? 0) * Double(taps.count),
        "\(example) at \(index): \(c), not \(expected)")
    }
  }

  private func exact(
    _ function: Pooling.Function, _ taps: [Double], _ onBorder: Int, _ elementType: ElementType
  ) -> Double {
    switch function {
    case .maximum:
      taps.contains { $0.isNaN }
        ? .nan : taps.max() ?? elementType.integerRange.map { Double($0.lowerBound) } ?? -.infinity
    case .average(let countsBorder):
      taps.reduce(0, +) / Double(taps.count + (countsBorder ? onBorder : 0))
    case .norm(let p):
      pow(taps.reduce(0) { $0 + pow(abs($1), Double(p)) }, 1 / Double(p))
    }
  }
}
