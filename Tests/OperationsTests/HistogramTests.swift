import OpenCLBackend
import OpenCLHost
import OperationCases
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

/// The kernels, in both forms, against the reference: equal.
@Suite(.needsDevice) struct DeviceHistogramTests {
  @Test(arguments: backends, [nil, DeviceType.gpu])
  func histograms(_ shared: OpenCLBackend, form: DeviceType?) throws {
    let backend = try OpenCLBackend(shared.device, assuming: form)
    for example in HistogramCase.all {
      let counted = try example.result(on: backend)
      #expect(counted == (try example.result(on: ReferenceBackend.shared)), "\(example)")
    }
    #expect(backend.hostOperations == [:])
  }
}
