import OpenCLBackend
import Operations
import Quantization
import Tensors

extension BenchmarkRun {
  /// A histogram whose range is found on the way, beside reading the values once.
  func histogram(_ data: Distribution, _ name: String) throws -> BenchmarkResult {
    let layout = Histogram.Layout.growing(binsPerSide: settings.binsPerSide)
    let x = data.tensor([settings.values])
    let value = try backend.upload(x)
    // The reference counts a part; of the whole, every value must have been counted.
    let part = data.tensor([min(settings.values, 1 << 20)])
    let expected = ReferenceBackend.shared.histogram(part, layout: layout)
    guard try backend.histogram(backend.upload(part), layout: layout) == expected,
      try backend.histogram(value, layout: layout).finiteCount == UInt64(settings.values)
    else { throw WrongResult(name: name) }
    return try stream(
      name, bytes: 4 * settings.values, work: Double(settings.values) * 4e-9, "GB/s"
    ) {
      _ = try backend.histogram(value, layout: layout)
    } reading: {
      try ceilings.read(value)
    }
  }
}
