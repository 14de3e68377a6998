public import OpenCLBackend
public import Tensors

/// What to time and how often.
public struct BenchmarkSettings: Sendable {
  /// Only entries whose name holds each of these words; empty for all.
  public var filter: [String] = []
  /// Timed calls of every entry, after one whose result is checked.
  public var rounds = 15
  /// Images in a batch of a convolution or a step of training.
  public var batch = 8
  /// Calls of a convolution that are enqueued before the device is waited for; their time is divided
  /// by their number. A network's layers follow each other in this way.
  public var calls = 1
  /// The convolutions.
  public var layers = ShapeLists.layers(of: "resnet-18")!
  /// Bits of weights and activations in convolutions of packed codes.
  public var widths = [CodeWidths("w8a8")!]
  /// Values of a histogram.
  public var values = 64 << 20
  /// Bins on each side of zero.
  public var binsPerSide = 4096
  /// Bit widths of the searches.
  public var bits = [2, 3, 4, 8]
  /// Distributions of the data.
  public var distributions: [Distribution] = [.normal, .relu, .constant]
  /// Rows to search scales for, `float32` of two dimensions, in place of the distributions'.
  public var rows: Tensor?
  /// Whether searches are held against the exact optimum, which takes seconds, at 8 bits a minute.
  public var measuresExcess = false

  /// The settings of a table of everything.
  public init() {}
}

/// Times the kernels of a device; every result is checked before it is timed.
public enum KernelBenchmarks {
  /// The names of the entries that `settings` select, in the order in which they run.
  public static func names(_ settings: BenchmarkSettings) -> [String] {
    settings.entries.map(\.name)
  }

  /// Runs the entries that `settings` select, one after the other; `report` is called with each as
  /// soon as it is known.
  ///
  /// Throws ``WrongResult`` where a kernel differs from the reference or leaves values uncounted.
  public static func run(
    _ settings: BenchmarkSettings, on backend: OpenCLBackend,
    report: (BenchmarkResult) -> Void = { _ in }
  ) throws -> [BenchmarkResult] {
    let run = BenchmarkRun(
      backend: backend, settings: settings, ceilings: try Ceilings(backend))
    var results: [BenchmarkResult] = []
    func add(_ result: BenchmarkResult) {
      report(result)
      results.append(result)
    }
    var convolutions: [String: [(result: BenchmarkResult, times: Int)]] = [:]
    for entry in settings.entries {
      let result = try entry.measure(in: run)
      add(result)
      guard let (kind, layer) = entry.layer else { continue }
      convolutions[kind, default: []].append((result, layer.times))
    }
    for (kind, layers) in convolutions.sorted(by: { $0.key < $1.key }) where layers.count > 1 {
      add(.sum("\(kind) all", of: layers))
    }
    return results
  }
}

/// A kernel that is not worth timing.
public struct WrongResult: Error, CustomStringConvertible {
  let name: String
  /// Names the entry.
  public var description: String { "\(name) differs from the reference" }
}

/// One line of the table.
enum BenchmarkEntry {
  case histogram(Distribution, binsPerSide: Int)
  case channelSearch(Distribution?, bits: Int)
  case layerSearch([ConvolutionLayer], bits: Int)
  case tensorSearch(Distribution, bits: Int)
  case stream(StreamOperation, shape: [Int])
  case convolution(ConvolutionLayer)
  case packedConvolution(ConvolutionLayer, CodeWidths)
  case training(network: String)

  /// The layer, and the name of what layers are summed with, of a convolution.
  var layer: (kind: String, layer: ConvolutionLayer)? {
    switch self {
    case .convolution(let layer): ("conv", layer)
    case .packedConvolution(let layer, let widths): ("packed \(widths)", layer)
    default: nil
    }
  }

  var name: String {
    switch self {
    case .histogram(let distribution, let bins): "histogram \(distribution) \(bins)x2"
    case .channelSearch(let distribution, let bits):
      "search channel \(distribution.map { "\($0)" } ?? "given") \(bits) bits"
    case .layerSearch(_, let bits): "search layers \(bits) bits"
    case .tensorSearch(let distribution, let bits): "search tensor \(distribution) \(bits) bits"
    case .stream(let operation, let shape):
      "\(operation.rawValue) \(shape.map(String.init).joined(separator: "x"))"
    case .convolution(let layer): "conv \(layer.name)"
    case .packedConvolution(let layer, let widths): "packed \(widths) \(layer.name)"
    case .training(let network): "training \(network)"
    }
  }

  func measure(in run: BenchmarkRun) throws -> BenchmarkResult {
    switch self {
    case .histogram(let distribution, _): try run.histogram(distribution, name)
    case .channelSearch(let distribution, let bits):
      try run.channelSearch(distribution, bits, name)
    case .layerSearch(let layers, let bits): try run.layerSearch(layers, bits, name)
    case .tensorSearch(let distribution, let bits): try run.tensorSearch(distribution, bits, name)
    case .stream(let operation, let shape):
      try run.stream(operation, [run.settings.batch] + shape, name)
    case .convolution(let layer): try run.convolution(layer, name)
    case .packedConvolution(let layer, let widths):
      try run.packedConvolution(layer, widths, name)
    case .training(let network): try run.training(TrainingNetwork(network), name)
    }
  }
}

extension BenchmarkSettings {
  /// What is run, in order.
  var entries: [BenchmarkEntry] {
    var all: [BenchmarkEntry] = []
    if rows == nil {
      all += distributions.map { .histogram($0, binsPerSide: binsPerSide) }
      for distribution in distributions where distribution != .constant {
        for bits in bits {
          all.append(.channelSearch(distribution, bits: bits))
          all.append(.tensorSearch(distribution, bits: bits))
        }
      }
      all += bits.map { .layerSearch(layers, bits: $0) }
      // The largest tensor between layers.
      if let layer = layers.max(by: { $0.elements.result < $1.elements.result }) {
        let shape = [layer.filters] + layer.resultSize
        all += StreamOperation.allCases.map { .stream($0, shape: shape) }
      }
      all += layers.map { .convolution($0) }
      for widths in widths { all += layers.map { .packedConvolution($0, widths) } }
      all += TrainingNetwork.names.map { .training(network: $0) }
    } else {
      all += bits.map { .channelSearch(nil, bits: $0) }
    }
    return all.filter { entry in filter.allSatisfy { entry.name.contains($0) } }
  }
}
