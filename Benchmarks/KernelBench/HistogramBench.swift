import OpenCLBackend
import Operations
import Quantization
import Tensors

/// Times histograms whose range is found on the way, beside reading the values once.
struct HistogramBench {
  private let backend: OpenCLBackend
  private let settings: BenchmarkSettings
  private let ceilings: Ceilings

  init(_ backend: OpenCLBackend, _ settings: BenchmarkSettings, _ ceilings: Ceilings) {
    self.backend = backend
    self.settings = settings
    self.ceilings = ceilings
  }

  func measure(_ data: Distribution, _ name: String) throws -> BenchmarkResult {
    let layout = Histogram.Layout.growing(binsPerSide: settings.binsPerSide)
    let x = data.tensor([settings.values])
    let value = try backend.upload(x)
    // The reference counts a part; of the whole, every value must have been counted.
    let part = data.tensor([min(settings.values, 1 << 20)])
    let expected = ReferenceBackend.shared.histogram(part, layout: layout)
    guard try backend.histogram(backend.upload(part), layout: layout) == expected,
      try backend.histogram(value, layout: layout).finiteCount == UInt64(settings.values)
    else { throw WrongResult(name: name) }
    _ = try ceilings.read(value)
    var times: [Double] = []
    var reading: [Double] = []
    for _ in 0..<settings.rounds {
      times.append(try seconds { _ = try backend.histogram(value, layout: layout) })
      reading.append(try ceilings.read(value))
    }
    let work = Double(settings.values) * 4e-9
    var result = BenchmarkResult(name: name, seconds: times, work: work, unit: "GB/s")
    result.bytes = work * 1e9
    result.ceiling = work / BenchmarkResult.median(of: reading)
    result.ceilingName = "reading"
    return result
  }
}
