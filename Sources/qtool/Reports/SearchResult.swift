import ArgumentParser
import LowBit

/// What `qtool search` found.
struct SearchResult: Encodable {
  /// What a choice costs a layer.
  struct Sensitivity: Encodable {
    var precision: String
    var divergence: Double?
    var sqnr: Double
    var cost: Int
  }

  struct Layer: Encodable {
    var layer: String
    var multiplications: Int
    var weights: Int
    var sensitivities: [Sensitivity]
  }

  struct Model: Encodable {
    var origin: String
    var precisions: [String]
    var cost: Int
    var bytes: Int
    var expectedLoss: Double
    var divergence: Double?
    var sqnr: Double
    var score: MeasuredPrecision.Score?
  }

  /// The model that was written.
  struct Choice: Encodable {
    var output: String
    var limit: Int
    var model: Model
    /// A loss that no choice within the limit is expected to be below.
    var bound: Double?
    var refinement: Refinement?
  }

  /// What measuring models near the chosen one brought.
  struct Refinement: Encodable {
    var measured: Int
    /// The loss of the model that was chosen without.
    var lossBefore: Double
  }

  var model: String
  var device: String
  var data: String
  var budget: String
  var unit: String
  var isExact: Bool
  var floatScore: MeasuredPrecision.Score?
  var layers: [Layer]
  var models: [Model]
  var chosen: Choice?
  /// For the page.
  private(set) var picture: PrecisionPicture

  enum CodingKeys: String, CodingKey {
    case model, device, data, budget, unit, isExact, floatScore, layers, models, chosen
  }

  init(
    model: String, device: String, data: String, floatScore: MeasuredPrecision.Score?,
    search: PrecisionSearch, models: [MeasuredPrecision]
  ) {
    self.model = model
    self.device = device
    self.data = data
    self.floatScore = floatScore
    budget = search.kind.rawValue
    unit = search.kind.unit
    isExact = search.front.isExact
    picture = PrecisionPicture(
      model: InputFiles.name(of: model), data: DataSpecification.stamp(of: data), search: search,
      models: models, floatScore: floatScore, writtenBy: QTool.writer)
    let space = search.space
    layers = space.layers.enumerated().map { number, layer in
      Layer(
        layer: layer.label, multiplications: layer.multiplications, weights: layer.weightCount,
        sensitivities: search.sensitivities[number].enumerated().map { option, found in
          Sensitivity(
            precision: found.precision.description, divergence: found.divergence.divergence,
            sqnr: found.divergence.sqnr, cost: search.cost(ofLayer: number, at: option))
        })
    }
    self.models = models.map { Self.model($0, space) }
  }

  mutating func choose(
    _ chosen: MeasuredPrecision, bound: Double?, limit: Int, output: String,
    refinement: Refinement?
  ) {
    picture.chosen = chosen
    self.chosen = Choice(
      output: output, limit: limit, model: Self.model(chosen, picture.search.space), bound: bound,
      refinement: refinement)
  }

  private static func model(_ model: MeasuredPrecision, _ space: PrecisionSpace) -> Model {
    Model(
      origin: model.origin.name, precisions: model.options.map { space.choices[$0].description },
      cost: model.cost, bytes: model.bytes, expectedLoss: model.expectedLoss,
      divergence: model.divergence.divergence, sqnr: model.divergence.sqnr, score: model.score)
  }

  var text: String {
    var parts = [sensitivityTable, modelTable]
    if !isExact {
      parts.append("the front was thinned: a choice can be above the best by what its bound says")
    }
    if let chosen {
      let rules = zip(layers, chosen.model.precisions).map { "\($0.layer):\($1)" }
      parts.append(
        "within \(chosen.limit) \(unit): \(chosen.model.cost) \(unit), loss "
          + Self.loss(chosen.model.divergence, chosen.model.sqnr)
          + " (expected \(formatted(chosen.model.expectedLoss, significant: 3))"
          + (chosen.bound.map { ", none below \(formatted($0, significant: 3))" } ?? "")
          + ")"
          + (chosen.refinement.map {
            "\n\($0.measured) models near it measured; loss before: "
              + formatted($0.lossBefore, significant: 3)
          } ?? "") + "\nlayers: "
          + rules.joined(separator: ", ") + "\nwritten: \(chosen.output)")
    }
    return parts.joined(separator: "\n\n")
  }

  private static func loss(_ divergence: Double?, _ sqnr: Double) -> String {
    divergence.map { formatted($0, significant: 3) } ?? "\(formatted(sqnr, digits: 1)) dB"
  }

  private var sensitivityTable: String {
    let choices = layers.first?.sensitivities.map(\.precision) ?? []
    var table = TextTable(
      ["layer alone", "weights"] + choices, rightAligned: Set(1...choices.count + 1))
    for layer in layers {
      table.add(
        [layer.layer, "\(layer.weights)"]
          + layer.sensitivities.map { Self.loss($0.divergence, $0.sqnr) })
    }
    let isDivergence = layers.first?.sensitivities.first?.divergence != nil
    return table.text
      + (isDivergence
        ? "\n(Kullback-Leibler divergence of the answers from the float network's, in nats)"
        : "\n(signal-to-noise ratio of the output)")
  }

  private var modelTable: String {
    let score = models.compactMap(\.score).first
    var table = TextTable(
      ["model", unit] + (budget == "bytes" ? [] : ["bytes"]) + ["loss"]
        + (score.map { [$0.name] } ?? []), rightAligned: [1, 2, 3, 4])
    for model in models {
      table.add(
        [model.origin, "\(model.cost)"] + (budget == "bytes" ? [] : ["\(model.bytes)"])
          + [Self.loss(model.divergence, model.sqnr)]
          + (model.score.map { ["\(formatted($0.value, digits: 2)) \($0.unit)"] } ?? []))
    }
    let float = floatScore.map {
      "\nfloat: \($0.name) \(formatted($0.value, digits: 2)) \($0.unit)"
    }
    return table.text + (float ?? "")
  }
}
