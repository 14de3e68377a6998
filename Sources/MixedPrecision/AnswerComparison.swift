public import Datasets
import Execution
public import Graph
public import Operations
import Tensors

/// Compares answers of networks with those of one network in float, on the same samples.
public struct AnswerComparison<B: Backend> {
  private let batches: [Batch]
  private let references: [Tensor]
  private let form: AnswerForm
  private let backend: B

  /// Runs the float network on the samples.
  ///
  /// - Parameters:
  ///   - graph: The float network.
  ///   - batches: Samples, as the network takes them.
  ///   - backend: Where.
  /// - Throws: What running the network throws; `GraphError` for an output that is no float.
  public init(with graph: Graph, batches: [Batch], on backend: B) throws {
    self.batches = batches
    self.backend = backend
    form = AnswerForm(
      of: graph, hasLabels: batches.contains { $0.samples.contains { $0.label != nil } })
    let executor = try Executor(graph, on: backend)
    references = try batches.map { try Self.output(of: executor, $0) }
  }

  private static func output(of executor: Executor<B>, _ batch: Batch) throws -> Tensor {
    guard let name = executor.graph.outputs.first?.name,
      let output = try executor.run(batch.inputs)[name]
    else { throw GraphError.invalid("the model has no output") }
    guard output.elementType == .float32 else {
      throw GraphError.unsupported(
        "the output '\(name)' is of type \(output.elementType): answers are compared in float32")
    }
    return output
  }

  /// How far the answers of `graph`, a network with the same inputs and outputs, are from the float network's.
  ///
  /// - Throws: `GraphError` when they are no numbers.
  public func divergence(of graph: Graph) throws -> OutputDivergence {
    let executor = try Executor(graph, on: backend)
    var sum = DivergenceSum(form)
    for (batch, reference) in zip(batches, references) {
      let output = try Self.output(of: executor, batch)
      guard output.count == reference.count else {
        throw GraphError.invalid(
          "the output has shape \(output.shape), the float network's \(reference.shape)")
      }
      sum.add(output, reference: reference, rows: batch.rows, counted: batch.samples.count)
    }
    guard sum.result.loss.isFinite else {
      throw GraphError.invalid("an output is no number: answers cannot be compared")
    }
    return sum.result
  }
}
