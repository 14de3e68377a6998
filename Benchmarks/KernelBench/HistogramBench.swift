import OpenCLBackend
import Operations
import Quantization
import Tensors

/// Times histograms whose range is found on the way, beside reading the values once.
struct HistogramBench {
  private let backend: OpenCLBackend
  private let settings: BenchmarkSettings

  init(_ backend: OpenCLBackend, _ settings: BenchmarkSettings) {
    self.backend = backend
    self.settings = settings
  }

  func run(_ report: (BenchmarkResult) -> Void) throws {
    for data in BenchmarkData.allCases where settings.data.contains(data.rawValue) {
      report(try measure(data))
    }
  }

  private func measure(_ data: BenchmarkData) throws -> BenchmarkResult {
    let name = "histogram \(data.rawValue) \(settings.binsPerSide)x2"
    let layout = Histogram.Layout.growing(binsPerSide: settings.binsPerSide)
    let x = data.tensor([settings.values])
    let value = try backend.upload(x)
    // The reference counts a part; of the whole, every value must have been counted.
    let part = data.tensor([min(settings.values, 1 << 20)])
    let expected = ReferenceBackend.shared.histogram(part, layout: layout)
    guard try backend.histogram(backend.upload(part), layout: layout) == expected,
      try backend.histogram(value, layout: layout).finiteCount == UInt64(settings.values)
    else { throw WrongResult(name: name) }
    // The limit: the extrema alone, of values that are all zero, for which nothing is counted.
    let zeros = try backend.upload(Tensor(repeating: Float(0), shape: [settings.values]))
    var seconds: [Double] = []
    var limit: [Double] = []
    for _ in 0..<settings.rounds {
      var start = now()
      _ = try backend.histogram(value, layout: layout)
      seconds.append(now() - start)
      start = now()
      _ = try backend.histogram(zeros, layout: layout)
      limit.append(now() - start)
    }
    let work = Double(settings.values) * 4e-9
    var result = BenchmarkResult(name: name, seconds: seconds, work: work, unit: "GB/s")
    result.limit = work / limit.sorted()[limit.count / 2]
    return result
  }
}
