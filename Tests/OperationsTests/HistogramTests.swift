import OpenCLBackend
import Operations
import Quantization
import Tensors
import Testing

@Suite struct ReferenceHistogramTests {
  @Test func everySliceIsCounted() {
    let x = Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
    let histograms = ReferenceBackend.shared.histograms(x, axis: 1, layout: .growing())
    let expected = [[0, 12], [4, 16], [8, 20]].map { starts in
      Histogram(starts.flatMap { start in (start..<start + 4).map(Float.init) })
    }
    #expect(histograms == expected)
  }
}

/// The kernels against the reference: equal.
@Suite(.needsDevice) struct DeviceHistogramTests {
  static let layouts: [Histogram.Layout] = [
    .growing(), .growing(binsPerSide: 16), .fixed(exponent: -8, binsPerSide: 1024),
  ]

  /// Values whose magnitudes rise and fall, so that bins widen in the middle; some repeated.
  static func values(_ count: Int, specials: Bool) -> [Float] {
    var state: UInt32 = 12345
    func next() -> UInt32 {
      state = state &* 1_664_525 &+ 1_013_904_223
      return state >> 8
    }
    return (0..<count).map { index in
      let value = (Float(next()) / 8_388_608 - 1) * Float(1 + index % 5000) / 1000
      if index % 3 == 0 { return max(value, 0) }
      if (3000..<6000).contains(index) { return 2.5 }
      if specials, index % 97 == 5 {
        return [.nan, .infinity, -.infinity, -0.0, 0x1p-139, 3e38, -0x1p-127][Int(next() % 7)]
      }
      return value
    }
  }

  @Test(arguments: backends, OpenCLBackend.HistogramForm.allCases)
  func tensorsOfAnySize(_ backend: OpenCLBackend, form: OpenCLBackend.HistogramForm) throws {
    for count in [0, 1, 15, 16, 17, 1023, 1025, 9_011] {
      for specials in [false, true] {
        let x = Tensor(Self.values(count, specials: specials))
        let value = try backend.upload(x)
        for layout in Self.layouts {
          let expected = ReferenceBackend.shared.histogram(x, layout: layout)
          let counted = try backend.histogram(value, layout: layout, form: form)
          #expect(counted == expected, "\(count) values, \(layout)")
        }
      }
    }
  }

  @Test(arguments: backends, OpenCLBackend.HistogramForm.allCases)
  func everyAxis(_ backend: OpenCLBackend, form: OpenCLBackend.HistogramForm) throws {
    for shape in [[3, 5, 70], [2, 2, 3, 1100], [1, 7], [6, 1, 1]] {
      let x = Tensor(Self.values(shape.reduce(1, *), specials: true), shape: shape)
      let value = try backend.upload(x)
      for axis in shape.indices {
        let expected = ReferenceBackend.shared.histograms(x, axis: axis, layout: .growing())
        let counted = try backend.histograms(value, axis: axis, layout: .growing(), form: form)
        #expect(counted == expected, "\(shape), axis \(axis)")
      }
    }
  }

  @Test(arguments: backends) func aLargeTensorInSlices(_ backend: OpenCLBackend) throws {
    // Enough for several groups; the largest magnitudes come last.
    let values = Self.values(120_000, specials: false)
    let x = Tensor(values.enumerated().map { $0.element * ($0.offset > 110_000 ? 1000 : 1) })
    let value = try backend.upload(x)
    let expected = ReferenceBackend.shared.histogram(x, layout: .growing())
    #expect(expected.layout.binsPerSide == 4096)
    for form in OpenCLBackend.HistogramForm.allCases {
      #expect(try backend.histogram(value, layout: .growing(), form: form) == expected)
    }
  }

  @Test(arguments: backends) func valuesThatAreAllTheSame(_ backend: OpenCLBackend) throws {
    for constant: Float in [0, -0.0, 1, -3.75, 0x1p-149, -3e38] {
      let x = Tensor(repeating: constant, shape: [5000])
      let value = try backend.upload(x)
      for form in OpenCLBackend.HistogramForm.allCases {
        #expect(
          try backend.histogram(value, layout: .growing(), form: form)
            == ReferenceBackend.shared.histogram(x, layout: .growing()))
      }
    }
  }
}
