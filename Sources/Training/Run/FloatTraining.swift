public import Graph
public import Operations
import PostTraining
public import Tensors

/// What becomes of BatchNormalization in training.
public enum NormalizationTreatment: String, Sendable, Hashable, CaseIterable {
  /// It is made a part of the convolution or product before it, which is then trained.
  case fold
  /// It is trained with the statistics of each batch; running averages of them take the place of the
  /// model's.
  case keep
}

/// Training of a network in float: one stage, everything moves.
public struct FloatTraining<B: Backend>: TrainingSession {
  /// One stage, named `float`.
  public let stages = [TrainingStage(name: "float")]

  /// The step, with the places of the parameters.
  public var step: StepGraph { trainer.step }

  /// The model in the form that is written.
  private let base: Graph
  private let batch: Int
  private var trainer: Trainer<B>

  /// Starts from the values that `model` has.
  ///
  /// - Parameters:
  ///   - model: A float network; its first output is trained.
  ///   - batch: Samples in a batch; a batch that the model states is freed where its shapes allow.
  ///   - loss: What is made small.
  ///   - optimizer: How.
  ///   - normalization: What becomes of BatchNormalization.
  ///   - backend: Where.
  /// - Throws: ``Graph/GraphError`` for a model that is quantized, has no parameter, or has a node
  ///   that cannot be trained through; what the backend throws.
  public init(
    _ model: Graph, batch: Int, loss: Loss, optimizer: Optimizer,
    normalization: NormalizationTreatment = .keep, on backend: B
  ) throws {
    base = try model.preparedForTraining(foldsNormalizations: normalization == .fold)
    self.batch = batch
    // What only a fixed batch makes constant is not in the model that is written.
    trainer = try Trainer(
      base.closed(batch: batch), batch: batch, loss: loss, optimizer: optimizer,
      training: Set(base.initializers.keys), on: backend)
  }

  /// There is nothing to prepare.
  public mutating func begin(stage index: Int, calibration: [[String: Tensor]]) {}

  /// One step.
  public mutating func advance(
    _ inputs: [String: Tensor], target: Tensor, rate: Float
  ) throws -> (loss: Float, output: Tensor) {
    let result = try trainer.advance(inputs, target: target, rate: rate)
    return (result.loss, result.output)
  }

  /// Finds the statistics of normalizations anew, where there are any.
  public mutating func finish(
    batches count: Int, _ inputs: (Int) throws -> [String: Tensor]
  ) throws {
    let graph = try exportedModel().closed(batch: batch)
    guard let estimate = try StatisticsEstimate(graph, on: trainer.backend) else { return }
    try trainer.setStatistics(estimate.statistics(batches: count, inputs))
  }

  /// Parameters, statistics and the optimizer's state.
  public func checkpoint() throws -> [String: Tensor] { try trainer.checkpoint() }

  /// Goes on from a checkpoint.
  public mutating func restore(_ checkpoint: [String: Tensor]) throws {
    try trainer.restore(checkpoint)
  }

  /// The network as it is written: in float there is no other.
  public func evaluatedModel() throws -> Graph { try exportedModel() }

  /// The model with its new values.
  public func exportedModel() throws -> Graph {
    var graph = base
    graph.initializers.merge(try trainer.trainedTensors()) { $1 }
    return graph
  }
}
