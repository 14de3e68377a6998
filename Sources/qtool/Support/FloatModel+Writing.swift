import ArgumentParser
import Checksums
import LowBit

extension FloatModel {
  /// What a file and a page say of the calibration of the model quantized by `plan`.
  func calibration(
    of observations: Observations, _ plan: QuantizationPlan, _ settings: QuantizationSettings
  ) throws -> QuantizationReport.Calibration {
    let patches = plan.patches(for: settings)
    let used = observations.restricted(
      to: plan.observedValues.union(patches.keys).union(plan.observedResults(for: settings)),
      channels: settings.improvements.contains(.bias) ? Set(plan.channelAxes.keys) : [],
      patches: patches)
    let digest = try digest()
    return .init(
      data: observations.sources.map { source in
        var source = source
        source.data = DataSpecification.stamp(of: source.data)
        return source.description
      }, samples: observations.sampleCount,
      statistics: SHA256.hexadecimal(used.digest(modelDigest: digest)),
      model: SHA256.hexadecimal(digest))
  }

  /// The samples of a specification once more, for passes that look at them layer by layer.
  func replay(
    of specification: String, seed: UInt64, allowsNonFinite: Bool = false
  ) throws -> CalibrationReplay {
    let opened = try DataSpecification(parsing: specification).open(
      for: prepared.inputs.map { ModelInput($0) }, seed: seed, tensorReader: InputFiles.tensor)
    return CalibrationReplay(count: opened.count, allowsNonFinite: allowsNonFinite) { index in
      let sample = try opened.sample(at: index)
      return CalibrationSample(inputs: sample.inputs, name: sample.name)
    }
  }

  /// Writes the model that was quantized; returns the graph as it was written.
  func write(
    _ quantized: QuantizedModel, _ calibration: QuantizationReport.Calibration,
    to output: String, overwrite: Bool
  ) throws -> Graph {
    var graph = try located(path) { try quantized.graph() }
    graph.producer.name = "qtool"
    graph.producer.version = QTool.configuration.version
    graph.metadata["qtool.version"] = QTool.configuration.version
    graph.metadata.merge(calibration.metadata) { $1 }
    try graph.checkRequantization(of: path)
    try ONNXWriter.write(
      graph, to: output, irVersion: QuantizedModel.irVersion(opset: graph.opsets[""] ?? 13),
      overwrite: overwrite)
    return graph
  }
}
