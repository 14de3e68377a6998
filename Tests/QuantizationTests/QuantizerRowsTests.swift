import Quantization
import Testing

/// What is done to a whole row at once against what is done to one value.
@Suite struct QuantizerRowsTests {
  @Test(arguments: [2, 3, 4, 15, 16, 255, 256])
  func rowsAreEncodedLikeTheirValues(levels: Int) {
    let scale: Float = 0x1.3p-5
    let quantizer = Quantizer(scale: scale, zeroPoint: levels / 2, levels: levels)
    // Every tie between codes and beyond, its neighbours, and what is far away.
    var values: [Float] = [0, -0.0, 1e30, -1e30, .infinity, -.infinity, .leastNonzeroMagnitude]
    for half in -2 * levels...2 * levels {
      let tie = scale * Float(half) / 2
      values += [tie, tie.nextUp, tie.nextDown]
    }
    #expect(encoded(values, quantizer) == values.map { code(quantizer, $0) })
    #expect(encoded([.nan], quantizer) == [0])
  }

  @Test func rowsSpanTheirFiniteValues() {
    for scheme in Scheme.allCases {
      for values: [Float] in [[], [.nan], [0], [-3, 2, .infinity], [1, 5], [-0.25], [.nan, -1]] {
        let finite = values.filter(\.isFinite)
        let expected = Quantizer(
          minimum: finite.min() ?? 0, maximum: finite.max() ?? 0, levels: 16, scheme: scheme)
        let found = values.withUnsafeBufferPointer {
          Quantizer(spanning: $0, levels: 16, scheme: scheme)
        }
        #expect(found == expected)
      }
    }
  }

  private func code(_ quantizer: Quantizer, _ value: Float) -> Int8 {
    Int8(quantizer.code(of: value) - quantizer.zeroPoint)
  }

  private func encoded(_ values: [Float], _ quantizer: Quantizer) -> [Int8] {
    var codes = [Int8](repeating: 99, count: values.count)
    values.withUnsafeBufferPointer { values in
      codes.withUnsafeMutableBufferPointer { quantizer.encode(values, into: $0) }
    }
    return codes
  }
}
