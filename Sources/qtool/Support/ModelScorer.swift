import LowBit

/// Scores models on data with labels or pictures to compare with.
struct ModelScorer<B: Backend> {
  private let data: any Dataset
  private let batch: (size: Int, isFixed: Bool)
  private let backend: B

  init(_ specification: String, _ graph: Graph, seed: UInt64, on backend: B) throws {
    let specification = try DataSpecification(parsing: specification)
    let inputs = graph.inputs.map { ModelInput($0) }
    data = try specification.open(for: inputs, seed: seed, tensorReader: InputFiles.tensor)
    batch = try specification.batchSize(for: inputs, preferred: 32)
    self.backend = backend
  }

  /// The score of a model, which runs on integers where it can.
  func score(_ graph: Graph) throws -> MeasuredPrecision.Score {
    let executor = try Executor(IntegerNetwork(graph).graph, on: backend)
    let found = try Evaluator(executor).evaluate(data, batch: batch)
    if let top1 = found.top1 { return .init(name: "top-1", unit: "%", value: top1) }
    guard let psnr = found.psnr else {
      throw UsageError("--score: the data give neither top-1 nor PSNR")
    }
    return .init(name: "PSNR", unit: "dB", value: psnr)
  }
}
