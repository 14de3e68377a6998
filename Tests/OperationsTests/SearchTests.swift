import OpenCLBackend
import OperationCases
import Operations
import Quantization
import Tensors
import Testing

/// The search kernels against the reference: equal fits, errors included.
@Suite(.needsDevice) struct DeviceSearchTests {
  @Test(arguments: backends) func quantizers(_ backend: OpenCLBackend) throws {
    for example in SearchCase.all {
      let found = try example.result(on: backend)
      #expect(found == (try example.result(on: ReferenceBackend.shared)), "\(example)")
    }
  }

  /// Short and long rows one after the other, zeros, one value and none among them.
  @Test(arguments: backends) func rowsOfAnyLengths(_ backend: OpenCLBackend) throws {
    var samples = SampleValues(seed: 8)
    let lengths = [300, 9, 1, 1200, 257, 256, 40, 4608, 64]
    var values = samples.floats([lengths.reduce(0, +)]).array(of: Float.self)
    for index in 310..<400 { values[index] = 0 }
    var ends: [Int] = []
    for length in lengths { ends.append((ends.last ?? 0) + length) }
    let x = Tensor(values)
    for levels in [4, 16, 256] {
      for rowEnds in [ends, Array(ends.dropLast()) + [ends[7], ends[8]]] {
        let found = try backend.searchQuantizers(
          backend.upload(x), rowEnds: rowEnds, levels: levels, scheme: .symmetric)
        let expected = ReferenceBackend.shared.searchQuantizers(
          x, rowEnds: rowEnds, levels: levels, scheme: .symmetric)
        #expect(found == expected, "\(levels) levels, \(rowEnds.count) rows")
      }
      // As rows of a table, each alone.
      let whole = ReferenceBackend.shared.searchQuantizers(
        x, rowEnds: ends, levels: levels, scheme: .symmetric)
      for (index, end) in ends.enumerated() {
        let row = Array(values[(end - lengths[index])..<end])
        let alone = ReferenceBackend.shared.searchQuantizers(
          rows: Tensor(row, shape: [1, row.count]), levels: levels, scheme: .symmetric)
        #expect(alone == [whole[index]])
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
