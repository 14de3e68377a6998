import LowBit

extension AnswerComparison {
  /// Runs the float network on the first samples of a specification.
  init(
    with graph: Graph, on specification: String, samples: Int, seed: UInt64, by backend: B
  ) throws {
    let specification = try DataSpecification(parsing: specification)
    let inputs = graph.inputs.map { ModelInput($0) }
    let opened = try specification.open(for: inputs, seed: seed, tensorReader: InputFiles.tensor)
    let batch = try specification.batchSize(for: inputs, preferred: 32)
    var batches: [Batch] = []
    try opened.forEachBatch(
      of: batch.size, isFixed: batch.isFixed, in: 0..<min(samples, opened.count)
    ) { batches.append($0) }
    try self.init(with: graph, batches: batches, on: backend)
  }
}
