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

  @Test(arguments: backends) func nothingToSearch(_ backend: OpenCLBackend) throws {
    #expect(try backend.searchQuantizers([], levels: 16, scheme: .affine).isEmpty)
    let none = try backend.upload(Tensor([Float](), shape: [0, 5]))
    #expect(try backend.searchQuantizers(rows: none, levels: 16, scheme: .affine).isEmpty)
    let empty = try backend.upload(Tensor([Float](), shape: [2, 0]))
    let fits = try backend.searchQuantizers(rows: empty, levels: 16, scheme: .affine)
    #expect(fits.count == 2 && fits[0].quantizer.scale == 1)
  }
}
