import ArgumentParser
import LowBit

/// One run of `qtool search`.
struct SearchRun {
  private let command: Search
  private let float: FloatModel
  private let space: PrecisionSpace
  private let budget: PrecisionBudget
  private var record: SearchRecord

  init(
    _ command: Search, _ float: FloatModel, _ space: PrecisionSpace, _ budget: PrecisionBudget
  ) throws {
    self.command = command
    self.float = float
    self.space = space
    self.budget = budget
    record = SearchRecord(identity: [])
  }

  /// Measures, searches, and writes the model that was chosen.
  func run<B: Backend>(on backend: B) throws -> SearchResult {
    var run = self
    return try run.search(on: backend)
  }

  private mutating func search<B: Backend>(on backend: B) throws -> SearchResult {
    record = try SearchRecord(
      for: command, float, timedOn: budget.kind == .time ? backend.name : nil)
    try save()
    let specification = try DataSpecification(parsing: command.data.data)
    var calibration = CalibrationRun(graph: space.graph, specification: specification)
    calibration.seed = command.common.seed
    let observations = try calibration.observations(
      of: space.observedValues, channelAxes: space.channelAxes, patches: space.patches, on: backend)
    for doubt in float.original.calibrationDoubts(observations.histograms) {
      Console.shared.warn(doubt)
    }
    let analysis = try located(command.model) {
      try SensitivityAnalysis(
        space, observations: observations,
        replay: float.replay(of: command.data.data, seed: command.common.seed),
        answers: AnswerComparison(
          with: space.graph, on: command.data.data, samples: command.samples,
          seed: command.common.seed, by: backend), on: backend)
    }
    let scorer = try scorer(on: backend)
    let sensitivities = try located(command.model) { try self.sensitivities(analysis) }
    let coarsest = try located(command.model) {
      try measured(space.uniform[space.choices.count - 1], analysis, scorer)
    }
    let search = PrecisionSearch(
      space, sensitivities, kind: budget.kind, coarsestBytes: coarsest.bytes)
    let models = try located(command.model) { try self.models(search, analysis, scorer) }
    var result = SearchResult(
      model: command.model, device: backend.name, data: specification.identity,
      floatScore: try scorer?.score(space.graph), search: search, models: models)
    if let limit = budget.limit(of: models.first { $0.options == space.uniform[0] }?.cost ?? 0) {
      let first = try located(command.model) {
        try choose(limit, among: models, search, analysis, scorer)
      }
      let (chosen, refinement) = try located(command.model) {
        try refine(first, limit, search, analysis, scorer)
      }
      try write(chosen, analysis, observations)
      result.choose(
        chosen, bound: search.bound(within: limit), limit: limit, output: command.output ?? "",
        refinement: refinement)
    }
    return result
  }

  // MARK: - What is measured

  private func save() throws {
    if let path = command.record { try record.write(to: path) }
  }

  private func scorer<B: Backend>(on backend: B) throws -> ModelScorer<B>? {
    guard let score = command.score else { return nil }
    return try ModelScorer(score, space.graph, seed: command.common.seed, on: backend)
  }

  private mutating func sensitivities<B: Backend>(
    _ analysis: SensitivityAnalysis<B>
  ) throws -> [[LayerSensitivity]] {
    var progress = Progress(
      "sensitivities", count: space.layers.count * space.choices.count, unit: "layers")
    defer { progress.finish() }
    var rows: [[LayerSensitivity]] = []
    for (number, layer) in space.layers.enumerated() {
      var row: [LayerSensitivity] = []
      for (option, choice) in space.choices.enumerated() {
        var entry: SearchRecord.Entry
        if let known = record.layer(layer.label, choice) {
          entry = known
        } else {
          let found = try analysis.sensitivity(of: number, at: option)
          entry = .init(
            divergence: found.divergence.divergence, sqnr: found.divergence.sqnr, bytes: found.bytes
          )
        }
        if budget.kind == .time, entry.nanoseconds == nil {
          entry.nanoseconds = try analysis.nanoseconds(of: number, at: option)
        }
        record.setLayer(layer.label, choice, entry)
        row.append(
          LayerSensitivity(
            precision: choice,
            divergence: OutputDivergence(divergence: entry.divergence, sqnr: entry.sqnr),
            bytes: entry.bytes, nanoseconds: entry.nanoseconds))
        progress.advance()
      }
      try save()
      rows.append(row)
    }
    return rows
  }

  /// What a whole model is.
  private mutating func measured<B: Backend>(
    _ options: [Int], _ analysis: SensitivityAnalysis<B>, _ scorer: ModelScorer<B>?
  ) throws -> SearchRecord.Entry {
    if let known = record.model(options, space) { return known }
    let graph = try analysis.model(space.settings(options)).graph()
    let divergence = try analysis.divergence(of: graph)
    let entry = SearchRecord.Entry(
      divergence: divergence.divergence, sqnr: divergence.sqnr, bytes: graph.packedConstantBytes,
      score: try scorer?.score(graph))
    record.setModel(options, space, entry)
    try save()
    return entry
  }

  private mutating func measured<B: Backend>(
    _ options: [Int], _ origin: MeasuredPrecision.Origin, _ search: PrecisionSearch,
    _ analysis: SensitivityAnalysis<B>, _ scorer: ModelScorer<B>?
  ) throws -> MeasuredPrecision {
    let entry = try measured(options, analysis, scorer)
    return MeasuredPrecision(
      origin: origin, options: options,
      cost: budget.kind == .bytes ? entry.bytes : search.cost(options), bytes: entry.bytes,
      expectedLoss: search.loss(options),
      divergence: OutputDivergence(divergence: entry.divergence, sqnr: entry.sqnr),
      score: entry.score)
  }

  /// Equal bits for all layers, the best that costs as little as each of these, and points along the front.
  private mutating func models<B: Backend>(
    _ search: PrecisionSearch, _ analysis: SensitivityAnalysis<B>, _ scorer: ModelScorer<B>?
  ) throws -> [MeasuredPrecision] {
    var wanted: [(options: [Int], origin: MeasuredPrecision.Origin)] = []
    func want(_ options: [Int], _ origin: MeasuredPrecision.Origin) {
      if !wanted.contains(where: { $0.options == options }) { wanted.append((options, origin)) }
    }
    for (options, choice) in zip(space.uniform, space.choices) {
      want(options, .uniform(choice, fineBorders: false))
    }
    for (options, choice) in zip(space.uniformWithFineBorders, space.choices.dropFirst()) {
      want(options, .uniform(choice, fineBorders: true))
    }
    for equal in wanted {
      if let best = search.best(within: search.cost(equal.options)) {
        want(best, .searched)
      }
    }
    want(search.cheapest, .searched)
    for options in search.curve(command.points) { want(options, .searched) }
    var progress = Progress("models", count: wanted.count, unit: "models")
    defer { progress.finish() }
    return try wanted.map { model in
      defer { progress.advance() }
      return try measured(model.options, model.origin, search, analysis, scorer)
    }.sorted { ($0.cost, $0.origin.name) < ($1.cost, $1.origin.name) }
  }

  // MARK: - The choice

  /// The model of least measured loss whose real cost is within `limit`, among those that were measured and
  /// the one of least expected loss.
  private mutating func choose<B: Backend>(
    _ limit: Int, among models: [MeasuredPrecision], _ search: PrecisionSearch,
    _ analysis: SensitivityAnalysis<B>, _ scorer: ModelScorer<B>?
  ) throws -> MeasuredPrecision {
    var candidates = models
    var within = limit
    // Constants that layers share are counted by none of them alone: what costs too much makes room.
    while let best = search.best(within: within) {
      let model = try measured(best, .searched, search, analysis, scorer)
      candidates.append(model)
      if model.cost <= limit { break }
      within = min(within, search.cost(best)) - max(model.cost - limit, 1)
    }
    let fitting = candidates.filter { $0.cost <= limit }
    guard let chosen = fitting.min(by: { $0.divergence.loss < $1.divergence.loss }) else {
      throw UsageError(
        "--budget \(command.budget ?? ""): the cheapest that was measured costs "
          + "\(candidates.map(\.cost).min() ?? 0) \(budget.kind.unit), and \(limit) are allowed")
    }
    return chosen
  }

  /// The best within `limit` of the models near `first`, and then near that one, as far as `--refine` goes.
  private mutating func refine<B: Backend>(
    _ first: MeasuredPrecision, _ limit: Int, _ search: PrecisionSearch,
    _ analysis: SensitivityAnalysis<B>, _ scorer: ModelScorer<B>?
  ) throws -> (MeasuredPrecision, SearchResult.Refinement?) {
    guard command.refine > 0 else { return (first, nil) }
    var progress = Progress("refinement", count: command.refine, unit: "models")
    defer { progress.finish() }
    var best = first
    var tried: Set = [first.options]
    while tried.count <= command.refine,
      let next = search.neighbours(of: best.options, within: limit).first(where: {
        !tried.contains($0)
      })
    {
      tried.insert(next)
      let model = try measured(next, .searched, search, analysis, scorer)
      if model.cost <= limit, model.divergence.loss < best.divergence.loss { best = model }
      progress.advance()
    }
    return (best, .init(measured: tried.count - 1, lossBefore: first.divergence.loss))
  }

  private func write<B: Backend>(
    _ chosen: MeasuredPrecision, _ analysis: SensitivityAnalysis<B>, _ observations: Observations
  ) throws {
    guard let output = command.output else { return }
    let settings = space.settings(chosen.options)
    let quantized = try located(command.model) { try analysis.model(settings) }
    for warning in quantized.plan.warnings { Console.shared.warn(warning) }
    let calibration = try float.calibration(of: observations, quantized.plan, settings)
    _ = try float.write(quantized, calibration, to: output, overwrite: command.overwrite)
  }
}
