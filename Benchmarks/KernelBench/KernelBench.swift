public import OpenCLBackend

/// What to time and how often.
public struct BenchmarkSettings: Sendable {
  /// Only entries whose name contains this; empty for all.
  public var filter = ""
  /// Timed calls of every entry, after one whose result is checked.
  public var rounds = 15
  /// Images in a batch of a convolution.
  public var batch = 8
  /// The file that lists the convolutions.
  public var shapes = "Benchmarks/Shapes/resnet18.txt"
  /// Values of a histogram.
  public var values = 64 << 20
  /// Bins on each side of zero.
  public var binsPerSide = 4096
  /// Bit widths of the searches.
  public var bits = [2, 3, 4, 8]
  /// Distributions of the data, of ``BenchmarkData``.
  public var data = ["normal", "relu", "constant"]

  /// The settings of a table of everything.
  public init() {}
}

/// Times the kernels of a device; every result is checked before it is timed.
public enum KernelBenchmarks {
  /// Runs the entries that `settings` select, one after the other; `report` is called with each as
  /// soon as it is known.
  ///
  /// Throws ``WrongResult`` where a kernel differs from the reference or leaves values uncounted.
  public static func run(
    _ settings: BenchmarkSettings, on backend: OpenCLBackend,
    report: (BenchmarkResult) -> Void = { _ in }
  ) throws -> [BenchmarkResult] {
    var results: [BenchmarkResult] = []
    func add(_ result: BenchmarkResult) {
      report(result)
      results.append(result)
    }
    if "histogram".contains(settings.filter) || settings.filter.hasPrefix("histogram") {
      try HistogramBench(backend, settings).run(add)
    }
    if "search".contains(settings.filter) || settings.filter.hasPrefix("search") {
      try SearchBench(backend, settings).run(add)
    }
    if "conv".contains(settings.filter) || settings.filter.hasPrefix("conv") {
      try ConvolutionBench(backend, settings).run(add)
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
