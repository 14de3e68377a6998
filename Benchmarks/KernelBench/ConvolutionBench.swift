import OpenCLBackend
import OperationCases
import Operations
import Tensors

/// A float convolution of a network: square kernels padded by half, square images.
public struct ConvolutionLayer: Sendable {
  let channels, filters, kernel, stride, side: Int
  /// How often the network has it.
  let times: Int

  /// The convolutions of ResNet-18 (He et al., 2015) at 224 x 224.
  public static let resNet18 = [
    Self(3, 64, 7, 2, 224, 1), Self(64, 64, 3, 1, 56, 4), Self(64, 128, 3, 2, 56, 1),
    Self(64, 128, 1, 2, 56, 1), Self(128, 128, 3, 1, 28, 3), Self(128, 256, 3, 2, 28, 1),
    Self(128, 256, 1, 2, 28, 1), Self(256, 256, 3, 1, 14, 3), Self(256, 512, 3, 2, 14, 1),
    Self(256, 512, 1, 2, 14, 1), Self(512, 512, 3, 1, 7, 3),
  ]

  private init(
    _ channels: Int, _ filters: Int, _ kernel: Int, _ stride: Int, _ side: Int, _ times: Int
  ) {
    (self.channels, self.filters, self.kernel) = (channels, filters, kernel)
    (self.stride, self.side, self.times) = (stride, side, times)
  }

  /// `channels filters kernel stride side times`; `nil` for a line that is not six positive numbers.
  public init?(_ line: some StringProtocol) {
    let numbers = line.split(separator: " ").map { Int($0) ?? 0 }
    guard numbers.count == 6, numbers.allSatisfy({ $0 > 0 }) else { return nil }
    self.init(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])
  }

  var name: String {
    "conv \(kernel)x\(kernel)\(stride > 1 ? "/\(stride)" : "") \(channels)-\(filters)@\(side)"
  }

  /// Billions of multiplications with addition for one image.
  var work: Double {
    let extent = (side + kernel / 2 * 2 - kernel) / stride + 1
    return 1e-9 * Double(filters * extent * extent * channels * kernel * kernel)
  }
}

/// Times float convolutions beside multiplications and additions without memory.
struct ConvolutionBench {
  private let backend: OpenCLBackend
  private let settings: BenchmarkSettings
  private let ceilings: Ceilings

  init(_ backend: OpenCLBackend, _ settings: BenchmarkSettings, _ ceilings: Ceilings) {
    self.backend = backend
    self.settings = settings
    self.ceilings = ceilings
  }

  /// All layers one after the other, each as often as the network has it.
  static func sum(_ layers: [(result: BenchmarkResult, times: Int)]) -> BenchmarkResult {
    let rounds = layers.map(\.result.seconds.count).min() ?? 0
    let seconds = (0..<rounds).map { _ in
      layers.reduce(0) { $0 + $1.result.median * Double($1.times) }
    }
    let work = layers.reduce(0) { $0 + $1.result.work * Double($1.times) }
    var sum = BenchmarkResult(name: "conv all", seconds: seconds, work: work, unit: "GMAC/s")
    let least = layers.reduce(0) {
      $0 + $1.result.work * Double($1.times) / ($1.result.ceiling ?? .infinity)
    }
    sum.ceiling = work / least
    return sum
  }

  func measure(_ layer: ConvolutionLayer) throws -> BenchmarkResult {
    let pads = [layer.kernel / 2, layer.kernel / 2]
    let example = ConvolutionCase(
      layer.name, x: [settings.batch, layer.channels, layer.side, layer.side],
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
    _ = try ceilings.multiplyAdd()
    var times: [Double] = []
    var peaks: [Double] = []
    for _ in 0..<settings.rounds {
      times.append(
        try seconds {
          _ = try convolve()
          try backend.finish()
        })
      peaks.append(try ceilings.multiplyAdd())
    }
    var result = BenchmarkResult(
      name: layer.name, seconds: times, work: layer.work * Double(settings.batch), unit: "GMAC/s")
    result.ceiling = BenchmarkResult.median(of: peaks)
    return result
  }
}
