import Checksums
import LowBit

extension Quantize {
  /// Checks before anything is done what is measured when all is written.
  func checkMeasurable<B: Backend>(_ model: FloatModel, on backend: B) throws {
    if let score {
      _ = try ModelScorer(score, model.original, seed: common.seed, on: backend)
    }
    if let record { _ = try searchRecord(record, of: model) }
  }

  /// The record of a search of this model.
  private func searchRecord(_ path: String, of model: FloatModel) throws -> SearchRecord {
    let record = try SearchRecord(path: path)
    guard record.identity.contains(SearchRecord.identity(ofModel: try model.digest())) else {
      throw UsageError("\(path): is the record of another model's search")
    }
    return record
  }

  /// What the options want to know of the model that was written.
  func measurements<B: Backend>(
    of written: Graph, _ model: FloatModel, _ isolation: LayerIsolation?,
    _ observations: Observations, channelMeans: [String: [Double]], on backend: B
  ) throws -> ModelMeasurements {
    var found = ModelMeasurements()
    if let score {
      let scorer = try ModelScorer(score, model.original, seed: common.seed, on: backend)
      found.score = (try scorer.score(model.original), try scorer.score(written))
      found.scoreData = DataSpecification.stamp(of: score)
    }
    if let isolation, let data {
      let answers = try AnswerComparison(
        with: model.prepared, on: data, samples: 128, seed: common.seed, by: backend)
      var progress = Progress("sensitivities", count: isolation.layers.count, unit: "layers")
      defer { progress.finish() }
      found.layers = try isolation.layers.enumerated().map { number, layer in
        defer { progress.advance() }
        return .init(
          name: layer.label, precision: layer.precision,
          divergence: try isolation.divergence(
            ofLayer: number, observations, channelMeans: channelMeans, answers, on: backend))
      }
      found.whole = try answers.divergence(of: written)
    }
    if let record { try add(record, to: &found, model, written) }
    return found
  }

  /// Adds the models of a search's record; this one beside them where it is scored on the same data.
  private func add(
    _ path: String, to found: inout ModelMeasurements, _ model: FloatModel, _ written: Graph
  ) throws {
    let record = try searchRecord(path, of: model)
    found.others = record.models.values.map {
      .init(bytes: $0.bytes, sqnr: $0.sqnr, score: $0.score)
    }.sorted { ($0.bytes, $0.sqnr ?? 0) < ($1.bytes, $1.sqnr ?? 0) }
    guard let score, let after = found.score?.after else { return }
    let identity = try SearchRecord.identity("score", score, model, seed: common.seed)
    guard record.identity.contains(identity) else { return }
    found.own = .init(bytes: written.packedConstantBytes, sqnr: nil, score: after)
  }
}

/// What was measured, for text and JSON.
enum MeasurementOutline {
  /// A score in float and quantized.
  struct Change: Encodable {
    var name: String
    var unit: String
    var before: Double
    var after: Double
  }

  /// What a layer alone costs.
  struct Layer: Encodable {
    var layer: String
    var precision: String
    var divergence: Double?
    var sqnr: Double
  }

  static func change(_ found: ModelMeasurements) -> Change? {
    found.score.map {
      Change(
        name: $0.after.name, unit: $0.after.unit, before: $0.before.value, after: $0.after.value)
    }
  }

  static func layers(_ found: ModelMeasurements) -> [Layer]? {
    guard !found.layers.isEmpty else { return nil }
    return found.layers.map {
      Layer(
        layer: $0.name, precision: $0.precision.description,
        divergence: $0.divergence.divergence, sqnr: $0.divergence.sqnr)
    }
  }

  /// Lines, each after the end of the one before; worst layers first.
  static func text(_ score: Change?, _ layers: [Layer]?) -> String {
    var text = ""
    if let layers {
      let hasDivergence = layers.contains { $0.divergence != nil }
      var table = TextTable(
        ["layer alone", "precision"] + (hasDivergence ? ["divergence"] : []) + ["SQNR"],
        rightAligned: [2, 3])
      let loss = { (layer: Layer) in layer.divergence ?? -layer.sqnr }
      for layer in layers.sorted(by: { loss($0) > loss($1) }) {
        table.add(
          [layer.layer, layer.precision]
            + (layer.divergence.map { [formatted($0, significant: 3)] } ?? [])
            + ["\(formatted(layer.sqnr, digits: 1)) dB"])
      }
      text += "\n\n\(table.text)\n"
    }
    if let score {
      text +=
        "\n\(score.name): \(formatted(score.before, digits: 2)) \(score.unit) in float, "
        + "\(formatted(score.after, digits: 2)) \(score.unit) quantized"
    }
    return text
  }
}
