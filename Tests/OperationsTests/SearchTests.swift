import OpenCLBackend
import Operations
import Quantization
import Tensors
import Testing

/// The search kernels against the reference: equal fits, errors included.
@Suite(.needsDevice) struct DeviceSearchTests {
  /// Rows of different kinds: tails, outliers, one side only, constants, zeros, extremes, NaN.
  static func rows(_ rows: Int, _ length: Int) -> Tensor {
    let special: [[Float]] = [
      [0], [5], [-0.25], [3e38, -3e38], [0x1p-133, -0x1p-132], [.nan, 1, 2], [.infinity, -3, 0, 1],
      [1e-31, 0], [-1e30, 1e30, 1],
    ]
    var state: UInt32 = 7
    func next() -> Float {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) / 8_388_608 - 1
    }
    let values = (0..<rows).flatMap { row -> [Float] in
      if row % 3 == 2 {
        let values = special[row / 3 % special.count]
        return (0..<length).map { values[$0 % values.count] }
      }
      return (0..<length).map { index in
        let bell = next() + next() + next()
        switch row % 4 {
        case 0: return bell * 0.02
        case 1: return bell * bell * bell
        case 2: return max(bell, 0) + 0.1
        default: return index % 211 == 3 ? bell * 20 : bell
        }
      }
    }
    return Tensor(values, shape: [rows, length])
  }

  @Test(arguments: backends, Scheme.allCases)
  func rowsOfAnyLength(_ backend: OpenCLBackend, scheme: Scheme) throws {
    for (length, levels) in [
      (1, [2, 256]), (9, [3, 16]), (40, [4]), (257, [2, 16]), (600, [256]),
    ] {
      let x = Self.rows(length > 10 ? 3 : 27, length)
      let value = try backend.upload(x)
      for levels in levels {
        let expected = ReferenceBackend.shared.searchQuantizers(
          rows: x, levels: levels, scheme: scheme)
        let found = try backend.searchQuantizers(rows: value, levels: levels, scheme: scheme)
        #expect(found == expected, "\(length) values, \(levels) levels")
      }
    }
  }

  @Test(arguments: backends, Scheme.allCases)
  func histograms(_ backend: OpenCLBackend, scheme: Scheme) throws {
    for bins in [64, 1024] {
      let histograms = ReferenceBackend.shared.histograms(
        Self.rows(6, 100), axis: 0, layout: .growing(binsPerSide: bins))
      for levels in [2, 16, 256] {
        let expected = ReferenceBackend.shared.searchQuantizers(
          histograms, levels: levels, scheme: scheme)
        let found = try backend.searchQuantizers(histograms, levels: levels, scheme: scheme)
        #expect(found == expected, "\(bins) bins a side, \(levels) levels")
      }
    }
  }

  @Test(arguments: backends) func nothingToSearch(_ backend: OpenCLBackend) throws {
    #expect(try backend.searchQuantizers([], levels: 16, scheme: .affine).isEmpty)
    let none = try backend.upload(Tensor([Float](), shape: [0, 5]))
    #expect(try backend.searchQuantizers(rows: none, levels: 16, scheme: .affine).isEmpty)
    let empty = try backend.upload(Tensor([Float](), shape: [2, 0]))
    let fits = try backend.searchQuantizers(rows: empty, levels: 16, scheme: .affine)
    #expect(fits.count == 2 && fits[0].quantizer.scale == 1)
  }
}
