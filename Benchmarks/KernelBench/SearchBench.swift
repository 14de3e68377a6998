import OpenCLBackend
import Operations
import Quantization
import Tensors

/// Searches for scales: one a row of a weight, and scale and zero point for a histogram.
extension BenchmarkRun {
  /// The shape of the weight.
  private static let searchedShape = [512, 4608]
  /// Rows whose fits are held against the reference's.
  private static let checkedRows = 8

  func channelSearch(_ data: Distribution?, _ bits: Int, _ name: String) throws -> BenchmarkResult {
    let levels = 1 << bits
    guard let x = settings.rows ?? data?.tensor(Self.searchedShape, factor: 0.02) else {
      preconditionFailure("neither rows nor a distribution")
    }
    let checked = min(Self.checkedRows, x.shape[0])
    let part = x.withElements(of: Float.self) { Array($0.prefix(checked * x.shape[1])) }
    let expected = ReferenceBackend.shared.searchQuantizers(
      rows: Tensor(part, shape: [checked, x.shape[1]]), levels: levels, scheme: .symmetric)
    let value = try backend.upload(x)
    func search() throws -> [QuantizerFit] {
      try backend.searchQuantizers(rows: value, levels: levels, scheme: .symmetric)
    }
    let found = try search()
    guard Array(found.prefix(checked)) == expected else { throw WrongResult(name: name) }
    var result = try stream(name, bytes: x.byteCount, work: Double(x.count) * 1e-9, "Gvalue/s") {
      _ = try search()
    } reading: {
      try ceilings.read(value)
    }
    if settings.measuresExcess {
      result.excess = ExactScales(levels: levels).excess(of: found.map(\.quantizer), on: x)
    }
    return result
  }

  /// A scale for every filter of every layer of a network, all in one call: rows of many lengths.
  func layerSearch(_ layers: [ConvolutionLayer], _ bits: Int, _ name: String) throws
    -> BenchmarkResult
  {
    let levels = 1 << bits
    var ends: [Int] = []
    var firstRows: [Int] = []
    for layer in layers {
      let length = layer.elements.weights / layer.filters
      firstRows.append(ends.count)
      for _ in 0..<(layer.filters * layer.times) { ends.append((ends.last ?? 0) + length) }
    }
    let x = Distribution.normal.tensor([ends.last ?? 0], factor: 0.02)
    let value = try backend.upload(x)
    func search() throws -> [QuantizerFit] {
      try backend.searchQuantizers(value, rowEnds: ends, levels: levels, scheme: .symmetric)
    }
    let found = try search()
    // The reference searches the first row of every layer.
    for row in firstRows {
      let values = x.withElements(of: Float.self) {
        Array($0[(row == 0 ? 0 : ends[row - 1])..<ends[row]])
      }
      let expected = QuantizerSearch.fit(values: values, levels: levels, scheme: .symmetric)
      guard found[row] == expected else { throw WrongResult(name: name) }
    }
    return try stream(name, bytes: x.byteCount, work: Double(x.count) * 1e-9, "Gvalue/s") {
      _ = try search()
    } reading: {
      try ceilings.read(value)
    }
  }

  func tensorSearch(_ data: Distribution, _ bits: Int, _ name: String) throws -> BenchmarkResult {
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
    let times = try (0..<settings.rounds).map { _ in try seconds { _ = try search() } }
    return BenchmarkResult(name: name, seconds: times, work: 1e-3, unit: "ksearch/s")
  }
}
