import Files
import OpenCLBackend
import OperationCases
import Operations
import Tensors

/// Times the float convolutions of a network, one layer after the other and in sum.
struct ConvolutionBench {
  private let backend: OpenCLBackend
  private let options: BenchmarkSettings

  /// A line of a file of shapes.
  private struct Layer {
    let channels, filters, kernel, stride, side, times: Int

    var name: String {
      "conv \(kernel)x\(kernel)\(stride > 1 ? "/\(stride)" : "") \(channels)-\(filters)@\(side)"
    }

    var extent: Int { (side + kernel / 2 * 2 - kernel) / stride + 1 }

    /// Billions of multiplications and additions for one image.
    var work: Double { 2e-9 * Double(filters * extent * extent * channels * kernel * kernel) }

    init(_ line: Substring) throws {
      let numbers = line.split(separator: " ").map { Int($0) ?? 0 }
      guard numbers.count == 6, numbers.allSatisfy({ $0 > 0 }) else {
        throw WrongShape(line: String(line))
      }
      (channels, filters, kernel) = (numbers[0], numbers[1], numbers[2])
      (stride, side, times) = (numbers[3], numbers[4], numbers[5])
    }
  }

  init(_ backend: OpenCLBackend, _ options: BenchmarkSettings) {
    self.backend = backend
    self.options = options
  }

  /// One measurement a layer, and their sum weighted by how often they occur.
  func run(_ report: (BenchmarkResult) -> Void) throws {
    let text = String(decoding: try WholeFile.read(options.shapes, limit: 1 << 20), as: UTF8.self)
    let layers = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(Layer.init)
    var results: [BenchmarkResult] = []
    var sum = BenchmarkResult(
      name: "conv all", seconds: Array(repeating: 0, count: options.rounds), work: 0,
      unit: "GFLOP/s")
    for layer in layers where layer.name.contains(options.filter) {
      let result = try measure(layer)
      report(result)
      results.append(result)
      sum.work += result.work * Double(layer.times)
      for i in sum.seconds.indices { sum.seconds[i] += result.median * Double(layer.times) }
    }
    if results.count > 1 { report(sum) }
  }

  private func measure(_ layer: Layer) throws -> BenchmarkResult {
    let pads = [layer.kernel / 2, layer.kernel / 2]
    let example = ConvolutionCase(
      layer.name, x: [options.batch, layer.channels, layer.side, layer.side],
      filters: layer.filters, kernel: [layer.kernel, layer.kernel],
      strides: [layer.stride, layer.stride], padBefore: pads, padAfter: pads)
    let x = try backend.upload(example.x)
    let weights = try backend.upload(example.weights)
    let bias = try example.bias.map { try backend.upload($0) }
    func convolve() throws -> OpenCLBackend.Value {
      try backend.convolve(x, weights: weights, bias: bias, example.convolution)
    }
    let expected = ReferenceBackend.shared.convolve(
      example.x, weights: example.weights, bias: example.bias, example.convolution)
    guard try backend.download(convolve()) == expected else { throw WrongResult(name: layer.name) }
    let seconds = try (0..<options.rounds).map { _ in
      let start = now()
      _ = try convolve()
      try backend.finish()
      return now() - start
    }
    return BenchmarkResult(
      name: layer.name, seconds: seconds, work: layer.work * Double(options.batch),
      unit: "GFLOP/s")
  }
}

/// A line of a file of shapes that is not one.
struct WrongShape: Error, CustomStringConvertible {
  let line: String
  var description: String { "not a shape: \(line)" }
}
