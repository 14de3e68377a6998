public import Graph
public import Tensors

/// A part of training with its own share of the epochs.
public struct TrainingStage: Sendable, Hashable {
  /// The stage in words, as logs and errors name it: `float`, or `conv1, filters 0..<8`.
  public let name: String
  /// The label of the node whose weights the stage quantizes; `nil` where no single layer is meant.
  public let layer: String?
  /// The output channels that the stage quantizes, in the order in which they were chosen; empty
  /// where a layer or the network is taken whole, or where they are chosen when the stage begins.
  public let components: [Int]

  /// Whether the stage comes before others and settles nothing, so that its length is not theirs.
  public let settlesNothing: Bool

  /// Makes a stage.
  public init(
    name: String, layer: String? = nil, components: [Int] = [], settlesNothing: Bool = false
  ) {
    self.name = name
    self.layer = layer
    self.components = components
    self.settlesNothing = settlesNothing
  }
}

/// A network that is trained stage by stage.
///
/// Who trains owns epochs, rates, data, checkpoints and the log; a session owns the network, its
/// parameters, the optimizer's state and what is quantized and frozen.
///
/// The order of calls: for every stage in turn ``begin(stage:calibration:)``, then
/// ``advance(_:target:rate:)`` once a batch. ``restore(_:)`` stands in a session made with the same
/// arguments for all calls before the ``checkpoint()`` that it is given.
public protocol TrainingSession {
  /// What is done one after the other; the list does not change. Float training has one stage.
  var stages: [TrainingStage] { get }

  /// What is not done as asked by now, one message each; it may change with every step.
  ///
  /// - Throws: What the backend throws when parameters are read.
  var warnings: [String] { get throws }

  /// Prepares stage `index`: quantizes and freezes weights, and makes quantizers of activations from
  /// histograms of what the network computes of `calibration`.
  ///
  /// - Parameters:
  ///   - index: The stage's place in ``stages``; stages are begun in order, each once.
  ///   - calibration: The model's inputs, batch by batch, each of the session's batch size; the same
  ///     for every stage. Empty where the session asks for none.
  /// - Throws: ``Graph/GraphError`` naming the layer; what the backend throws.
  mutating func begin(stage index: Int, calibration: [[String: Tensor]]) throws

  /// Moves the parameters by the gradient of one batch.
  ///
  /// - Parameters:
  ///   - inputs: The model's inputs, of the session's batch.
  ///   - target: A row for each sample, as the loss takes them.
  ///   - rate: The learning rate of this step.
  /// - Returns: The loss and the network's first output before the step.
  /// - Throws: ``LossNotFinite``, after which nothing has moved; what the backend throws.
  mutating func advance(
    _ inputs: [String: Tensor], target: Tensor, rate: Float
  ) throws -> (loss: Float, output: Tensor)

  /// Ends training after the last step, once: finds from data what steps only follow, such as
  /// statistics of normalizations.
  ///
  /// - Parameters:
  ///   - count: Batches, at least 1.
  ///   - batch: The model's inputs of one, by its number.
  mutating func finish(batches count: Int, _ batch: (Int) throws -> [String: Tensor]) throws

  /// Everything that ``restore(_:)`` needs, by name: after it the session's results are, bit for bit,
  /// those of the session that was asked.
  ///
  /// Names are free but for those that begin with `run/`, which the run keeps for itself.
  func checkpoint() throws -> [String: Tensor]

  /// Goes on from a checkpoint, the stage that was begun included.
  ///
  /// - Throws: ``Graph/GraphError`` when `checkpoint` is not of this network and these settings.
  mutating func restore(_ checkpoint: [String: Tensor]) throws

  /// The network as it computes now, fake quantization included, without the batch size of training;
  /// what accuracy during training is measured of.
  func evaluatedModel() throws -> Graph

  /// The network as it is written to a file: ONNX's operators alone, inputs and outputs as the model
  /// has them. After the last stage, everything that was to be quantized is.
  func exportedModel() throws -> Graph
}

extension TrainingSession {
  /// Nothing.
  public mutating func finish(
    batches count: Int, _ batch: (Int) throws -> [String: Tensor]
  ) throws {}

  /// None.
  public var warnings: [String] { [] }
}

/// The loss of a step is NaN or infinite: the rate is too high, or the data hold such values.
public struct LossNotFinite: Error, Sendable, CustomStringConvertible {
  /// The loss.
  public let loss: Float
  /// The step, counted from 1 over all stages of the session.
  public let step: Int

  /// Makes an error.
  public init(loss: Float, step: Int) {
    self.loss = loss
    self.step = step
  }

  /// The error in words.
  public var description: String { "the loss became \(loss) in step \(step)" }
}
