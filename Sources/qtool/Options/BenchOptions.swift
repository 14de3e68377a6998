public import ArgumentParser
import Files
public import KernelBench
import LowBit

/// What `qtool bench` measures with.
struct BenchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Timed calls of every entry.", valueName: "count"))
  var rounds = BenchmarkSettings().rounds

  @Option(help: ArgumentHelp("Images in a batch of a convolution.", valueName: "count"))
  var batch = BenchmarkSettings().batch

  @Option(
    help: ArgumentHelp(
      "Calls of a convolution enqueued in a row, as a network's layers are, for each time.",
      valueName: "count"))
  var calls = BenchmarkSettings().calls

  @Option(
    help: ArgumentHelp(
      "Convolutions: \(ShapeLists.names.joined(separator: ", ")), or a file with one a line: channels, "
        + "filters, kernel, stride, size, how often and, if any, groups.", valueName: "list"),
    completion: .file())
  var shapes = "resnet-18"

  @Option(
    help: ArgumentHelp(
      "Bits of weights (8, 4, 2) and activations (8, 4, 2, 1) of convolutions of packed codes; may be "
        + "given again.", valueName: "w8a8"))
  var widths: [CodeWidths] = BenchmarkSettings().widths

  @Option(help: ArgumentHelp("Values of a histogram.", valueName: "count"))
  var values = BenchmarkSettings().values

  @Option(
    help: ArgumentHelp(
      "Bins of a histogram on each side of zero, a power of two from 16 to 65536.",
      valueName: "count"))
  var bins = BenchmarkSettings().binsPerSide

  @Option(help: ArgumentHelp("Bits of a search, 1 to 16; may be given again.", valueName: "bits"))
  var bits: [Int] = BenchmarkSettings().bits

  @Option(
    help: ArgumentHelp(
      "Values of histograms and searches: normal, relu, constant or student-t; may be given again.",
      valueName: "name"))
  var distribution: [Distribution] = BenchmarkSettings().distributions

  @Option(
    help: ArgumentHelp(
      "Time the search for a scale a row on these rows alone: float32 of two dimensions.",
      valueName: "file.npy"), completion: .file(extensions: ["npy"]))
  var weights: String?

  func validate() throws {
    for (name, value) in [
      ("rounds", rounds), ("batch", batch), ("calls", calls), ("values", values),
    ]
    where value < 1 {
      throw ValidationError("--\(name) needs a positive number.")
    }
    guard bits.allSatisfy({ (1...16).contains($0) }) else {
      throw ValidationError("--bits needs a number from 1 to 16.")
    }
    guard (16...65536).contains(bins), bins & (bins - 1) == 0 else {
      throw ValidationError("--bins needs a power of two from 16 to 65536.")
    }
  }

  /// The settings that the options make.
  func settings() throws -> BenchmarkSettings {
    var settings = BenchmarkSettings()
    settings.rounds = rounds
    settings.batch = batch
    settings.calls = calls
    settings.values = values
    settings.binsPerSide = bins
    settings.bits = bits
    settings.distributions = distribution
    settings.layers = try ShapeLists.layers(of: shapes) ?? Self.layers(shapes)
    settings.widths = widths
    if let weights {
      let rows = try NumPyFile.read(weights)
      guard rows.elementType == .float32, rows.rank == 2, rows.count > 0 else {
        throw DataError(file: weights, "holds \(rows), not rows of float32")
      }
      settings.rows = rows
    }
    return settings
  }

  private static func layers(_ path: String) throws -> [ConvolutionLayer] {
    let text = String(decoding: try WholeFile.read(path, limit: 1 << 20), as: UTF8.self)
    switch ShapeLists.parse(text) {
    case .success(let layers): return layers
    case .failure(let bad):
      throw UsageError("\(path), line \(bad.number): '\(bad.text)' is no layer")
    }
  }
}

extension CodeWidths: ExpressibleByArgument {
  /// `w8a8` and its like.
  public init?(argument: String) { self.init(argument) }
}

extension Distribution: ExpressibleByArgument {}
