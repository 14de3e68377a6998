import OpenCLBackend
import Operations
import Quantization
import Tensors

/// Times the search for scales: one a row of a weight, and scale and zero point for a histogram.
struct SearchBench {
  private let backend: OpenCLBackend
  private let settings: BenchmarkSettings

  /// The shape of the weight.
  private static let shape = [512, 4608]

  init(_ backend: OpenCLBackend, _ settings: BenchmarkSettings) {
    self.backend = backend
    self.settings = settings
  }

  func run(_ report: (BenchmarkResult) -> Void) throws {
    for data in BenchmarkData.allCases
    where settings.data.contains(data.rawValue) && data != .constant {
      for bits in settings.bits {
        if "search rows".contains(settings.filter) { report(try rows(data, bits)) }
        if "search histogram".contains(settings.filter) { report(try histogram(data, bits)) }
      }
    }
  }

  private func rows(_ data: BenchmarkData, _ bits: Int) throws -> BenchmarkResult {
    let name = "search rows \(data.rawValue) \(bits) bits"
    let levels = 1 << bits
    let x = data.tensor(Self.shape, factor: 0.02)
    let part = x.array(of: Float.self).prefix(8 * Self.shape[1])
    let expected = ReferenceBackend.shared.searchQuantizers(
      rows: Tensor(Array(part), shape: [8, Self.shape[1]]), levels: levels, scheme: .symmetric)
    let value = try backend.upload(x)
    let found = try backend.searchQuantizers(rows: value, levels: levels, scheme: .symmetric)
    guard Array(found.prefix(8)) == expected else { throw WrongResult(name: name) }
    let seconds = try (0..<settings.rounds).map { _ in
      let start = now()
      _ = try backend.searchQuantizers(rows: value, levels: levels, scheme: .symmetric)
      return now() - start
    }
    return BenchmarkResult(
      name: name, seconds: seconds, work: Double(x.count) * 1e-9, unit: "Gvalue/s")
  }

  private func histogram(_ data: BenchmarkData, _ bits: Int) throws -> BenchmarkResult {
    let name = "search histogram \(data.rawValue) \(bits) bits"
    let levels = 1 << bits
    let histogram = try backend.histogram(
      backend.upload(data.tensor([1 << 20])),
      layout: .growing(binsPerSide: settings.binsPerSide))
    func search() throws -> [QuantizerFit] {
      try backend.searchQuantizers([histogram], levels: levels, scheme: .affine)
    }
    let expected = ReferenceBackend.shared.searchQuantizers(
      [histogram], levels: levels, scheme: .affine)
    guard try search() == expected else { throw WrongResult(name: name) }
    let seconds = try (0..<settings.rounds).map { _ in
      let start = now()
      _ = try search()
      return now() - start
    }
    return BenchmarkResult(name: name, seconds: seconds, work: 1e-3, unit: "ksearch/s")
  }
}
