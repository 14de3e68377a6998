import Execution
public import Graph
public import Quantization

/// What a quantized model's file says of its quantizers: of files that `qtool` wrote, and of others
/// with QuantizeLinear, DequantizeLinear and the operators on codes.
public struct QuantizedFile: Sendable {
  /// Layers, activations and nodes in float. What no file holds is missing: how well weights are kept,
  /// how ranges were chosen.
  public private(set) var report: QuantizationReport
  /// The quantizers of activations in the order of execution.
  public private(set) var ranges: [ObservedRange] = []
  /// How often each code stands for a weight.
  public private(set) var codes: [WeightCodes] = []

  /// Reads a graph.
  ///
  /// - Parameters:
  ///   - graph: A quantized model.
  ///   - histograms: What was observed of its values, by name; may be empty.
  /// - Returns: `nil` when the graph has no quantizers.
  /// - Throws: `GraphError` when the nodes cannot be put in order.
  public init?(_ graph: Graph, histograms: [String: Histogram] = [:]) throws {
    var graph = graph
    graph.moveConstantNodes()
    graph.nodes = try graph.sortedNodes()
    let integers = try graph.integerParts()
    var reader = QuantizedFileReader(graph, histograms, integers)
    reader.read()
    guard !reader.ranges.isEmpty || !reader.layers.isEmpty else { return nil }
    (ranges, codes) = (reader.ranges, reader.codes)
    let layers = Set(reader.layers.map(\.name))
    let islands = integers.islands.sorted { $0.key < $1.key }.map(\.value)
    let calibration = QuantizationReport.Calibration(metadata: graph.metadata)
    report = QuantizationReport(
      settings: graph.metadata["qtool.settings"] ?? "", target: "",
      sampleCount: calibration?.samples ?? 0, layers: reader.layers,
      activations: reader.activations, fused: [],
      floatNodes: islands.filter { !layers.contains($0.name) }.map {
        .init(name: $0.name, operatorType: $0.operatorType, reason: $0.reason)
      }, notes: [], warnings: [],
      constantBytes: .init(before: 0, after: graph.packedConstantBytes), calibration: calibration,
      accumulatorBits: try graph.accumulatorBits())
  }

  /// Adds a remark to the report.
  public mutating func add(note: String) { report.notes.append(note) }
}

extension QuantizationReport.Calibration {
  /// What a written model says of its calibration; `nil` where it says nothing.
  init?(metadata: [String: String]) {
    guard let data = metadata["qtool.data"],
      let samples = metadata["qtool.samples"].flatMap({ Int($0) })
    else { return nil }
    self.init(
      data: data.split(separator: "\n").map(String.init), samples: samples,
      statistics: metadata["qtool.statistics"] ?? "", model: metadata["qtool.model"] ?? "")
  }

  /// What is written into a model: no dates and no folders.
  public var metadata: [String: String] {
    [
      "qtool.data": data.joined(separator: "\n"), "qtool.samples": "\(samples)",
      "qtool.statistics": statistics, "qtool.model": model,
    ]
  }
}

extension QuantizationReport.Activation {
  /// An activation with its errors on what was observed.
  init(
    name: String, _ quantizer: Quantizer, sharedWith: String?, method: String, minimum: Float?,
    maximum: Float?, histogram: Histogram?
  ) {
    // Half a step beyond the outermost levels still rounds to them.
    let slack = Double(quantizer.scale) / 2
    let span =
      Double(quantizer.value(of: 0)) - slack...Double(
        quantizer.value(of: quantizer.levels - 1)) + slack
    self.init(
      name: name, levels: quantizer.levels, scale: quantizer.scale,
      zeroPoint: quantizer.zeroPoint, sharedWith: sharedWith, range: method, minimum: minimum,
      maximum: maximum, sqnr: histogram?.signalToNoise(of: quantizer),
      shareBeyond: histogram.map { $0.count(beyond: span) / Double(max($0.finiteCount, 1)) },
      nans: histogram?.nans ?? 0, infinities: histogram?.infinities ?? 0)
  }
}
