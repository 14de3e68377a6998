public import ArgumentParser
import Files
public import LowBit
import Signalling
import Video

/// `qtool signal allocate`
struct SignalAllocate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allocate",
    abstract: "Choose the bits of a filter's weights and activations by what comes of them.",
    discussion: examples(
      "qtool signal allocate filter.onnx --pictures decoded.y4m --originals video.y4m --qp 37 -o small.onnx",
      "qtool signal allocate filter.onnx --pictures decoded.y4m --originals video.y4m --lambda 90 "
        + "--search exhaustive --weight-bits 8,4 --activation-bits 16,8 -o small.onnx")
      + "\n\nEvery combination that is tried is quantized, coded and run on integers: what is made small is "
      + "the squared error of pictures plus lambda times the bits of the messages that 'qtool signal mux' "
      + "writes with the same options. Ranges come from the pictures.")

  @Argument(help: "The ONNX model in float.", completion: .file(extensions: ["onnx"]))
  var model: String

  @OptionGroup var video: PicturePairOptions

  @Option(help: ArgumentHelp("Bits that weights may have, 2 to 8.", valueName: "list"))
  var weightBits = "8,6,4"

  @Option(
    help: ArgumentHelp(
      "Bits that activations may have, 2 to 16; above 8 layers are computed in float, and 'signal "
        + "overfit' has no multipliers for them.", valueName: "list"))
  var activationBits = "8,6,4"

  @Option(help: "greedy, exhaustive (small networks only) or uniform.")
  var search = AllocationSearch.greedy

  @OptionGroup var weight: LambdaOptions
  @OptionGroup var content: MessageOptions
  @OptionGroup var cost: MessageCostOptions

  @Flag(
    inversion: .prefixedNo,
    help: "The base will carry its operators, so that decoders need no model.")
  var topology = true

  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    try target.check()
    guard weight.isGiven else {
      throw UsageError("--lambda or --qp is needed: what a bit costs decides how many there are")
    }
    let bits = (
      try Self.list(weightBits, 2...8, "--weight-bits"),
      try Self.list(activationBits, 2...16, "--activation-bits")
    )
    var form = try cost.form(content)
    form.settings.carriesTopology = topology
    let float = try FloatModel(path: model)
    let pairs = try video.pairs()
    if common.dryRun {
      return try common.emit(["search": search.rawValue]) { "\(search) search" }
    }
    let report = try device.run { try allocate(float, pairs, bits, form, on: $0) }
    try common.emit(report) { report.text }
  }

  private func allocate(
    _ float: FloatModel, _ pairs: VideoPairs, _ bits: (weights: [Int], activations: [Int]),
    _ form: MessageForm, on backend: some Backend
  ) throws -> AllocationReport {
    do {
      let allocation = try allocation(float, pairs, form, on: backend)
      var search = BitAllocation(
        choices: allocation.tensors.map { $0.isWeights ? bits.weights : bits.activations },
        lambda: weight.lambdaOfBits, measure: allocation.measure)
      if self.search == .exhaustive, search.combinationCount == nil {
        throw UsageError(
          "--search exhaustive: there are more than \(BitAllocation.mostCombinations) combinations")
      }
      Console.shared.note("allocating bits to \(allocation.tensors.count) tensors")
      let best = try search.run(self.search)
      let graph = try allocation.network(best.bits)
      try ONNXWriter.write(
        graph, to: target.output,
        irVersion: QuantizedModel.irVersion(opset: graph.opsets[""] ?? 13),
        overwrite: target.overwrite)
      let network = try IntegerNetwork(graph)
      return AllocationReport(
        model: model, output: target.output, device: backend.name, search: self.search,
        lambda: weight.lambdaOfBits,
        tensors: zip(allocation.tensors, best.bits).map {
          .init(layer: $0.layer, isWeights: $0.isWeights, bits: $1)
        },
        decoded: pairs.decibels(pairs.squaredError), psnr: pairs.decibels(best.squaredError),
        bytes: best.bytes, cost: best.cost(weight.lambdaOfBits),
        integerLayers: network.layers.count,
        uniform: try search.uniform().map {
          .init(
            bits: $0.bits, psnr: pairs.decibels($0.squaredError), bytes: $0.bytes,
            cost: $0.cost(weight.lambdaOfBits))
        }, measured: search.measuredCount)
    } catch let error as GraphError {
      throw error.located(in: model)
    }
  }

  private func allocation<B: Backend>(
    _ float: FloatModel, _ pairs: VideoPairs, _ form: MessageForm, on backend: B
  ) throws -> FilterAllocation<B> {
    guard let input = float.prepared.inputs.first,
      let order = PostFilterProperty.Order(input)
    else {
      throw GraphError.unsupported("a post-filter has one input of 1, 2, 3 or 6 channels")
    }
    var settings = QuantizationSettings(target: .qoperator)
    // Only then codes of 256 levels are the samples themselves.
    settings.activations.range = .minmax
    // Moments of patches belong to one number of levels; here there are many.
    settings.improvements.remove(.outputs)
    let format = form.settings.samples
    let property = PostFilterProperty(
      inputOrder: order, inputFormat: format, outputOrder: order, outputFormat: format)
    let plan = try QuantizationPlan(float.prepared, settings: settings)
    var calibrator = try Calibrator(
      float.prepared, observing: plan.observedValues, channelAxes: plan.channelAxes, patches: [:],
      on: backend, allowsNonFinite: false)
    for (number, pair) in pairs.pairs.enumerated() {
      try calibrator.add([
        CalibrationSample(
          inputs: [input.name: try property.tensor(of: pair.decoded)],
          name: "\(video.pictures), picture \(number)")
      ])
    }
    let found = try calibrator.observations(
      of: .init(data: video.pictures, shard: 0, shardCount: 1, sampleCount: pairs.pairs.count))
    return try FilterAllocation(
      float.prepared, histograms: found.histograms, channelMeans: found.channelMeans,
      settings: settings, messages: form, pictures: pairs.pairs, on: backend)
  }

  /// Numbers separated by commas.
  static func list(_ text: String, _ range: ClosedRange<Int>, _ option: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map {
      guard let number = Int($0), range.contains(number) else {
        throw UsageError(
          "\(option) \(text): '\($0)' is no number within \(range.lowerBound)...\(range.upperBound)"
        )
      }
      return number
    }
  }
}

/// What a bit costs.
struct LambdaOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("What a bit costs in squared error of 8-bit samples.", valueName: "number"))
  var lambda: Double?

  @Option(
    help: ArgumentHelp(
      "The quantization parameter of the video, which gives --lambda: 0.85 * 2^((qp - 12) / 3).",
      valueName: "qp"))
  var qp: Double?

  func validate() throws {
    guard lambda == nil || qp == nil else {
      throw ValidationError("--lambda and --qp say the same thing: give one.")
    }
    guard lambda ?? 0 >= 0, lambda?.isFinite ?? true, (0...63).contains(qp ?? 0) else {
      throw ValidationError("--lambda is a number from 0 on, --qp one from 0 to 63.")
    }
  }

  /// Whether one was given.
  var isGiven: Bool { lambda != nil || qp != nil }

  /// What was given, 0 where nothing was.
  var lambdaOfBits: Double { lambda ?? qp.map(LagrangeMultiplier.ofQuantization) ?? 0 }
}

/// What bits were chosen, and what one number of bits for all would cost.
struct AllocationReport: Encodable {
  struct Tensor: Encodable {
    var layer: String
    var isWeights: Bool
    var bits: Int
  }

  struct Uniform: Encodable {
    var bits: [Int]
    var psnr: Double
    var bytes: Int
    var cost: Double
  }

  var model: String
  var output: String
  var device: String
  var search: AllocationSearch
  var lambda: Double
  var tensors: [Tensor]
  /// Decibels of all samples before and after the filter.
  var decoded: Double
  var psnr: Double
  /// Bytes of the base's NAL units, as they will be written.
  var bytes: Int
  var cost: Double
  /// Layers whose products are computed on integers.
  var integerLayers: Int
  var uniform: [Uniform]
  /// Combinations that were measured.
  var measured: Int

  /// The bits that a uniform allocation gives weights or activations.
  private func bits(of row: Uniform, isWeights: Bool) -> String {
    Set(zip(tensors, row.bits).filter { $0.0.isWeights == isWeights }.map { $0.1 })
      .sorted(by: >).map(String.init).joined(separator: "/")
  }

  var text: String {
    var table = TextTable(["layer", "weights", "input"])
    for weights in tensors where weights.isWeights {
      let input = tensors.first { $0.layer == weights.layer && !$0.isWeights }
      table.add([weights.layer, "\(weights.bits)", input.map { "\($0.bits)" } ?? ""])
    }
    let rows = uniform.map { row in
      "uniform, \(bits(of: row, isWeights: true)) and \(bits(of: row, isWeights: false)) bits: "
        + "\(formatted(row.psnr, digits: 3)) dB, \(row.bytes) bytes, cost "
        + formatted(row.cost, digits: 0)
    }
    return table.text + "\n\(search): \(formatted(psnr, digits: 3)) dB (decoded "
      + "\(formatted(decoded, digits: 3))), \(bytes) bytes, cost \(formatted(cost, digits: 0)) of "
      + "lambda \(formatted(lambda, digits: 2)), "
      + "\(integerLayers) layers on integers\n" + rows.joined(separator: "\n")
      + "\n\(measured) combinations measured\nwritten: \(output)"
  }
}

extension AllocationSearch: ExpressibleByArgument {}
