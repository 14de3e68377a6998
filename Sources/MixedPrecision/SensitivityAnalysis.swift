public import Calibration
public import Datasets
import Execution
public import Graph
public import Operations
public import PostTraining
import Tensors

/// What it costs a network in answers, and in the unit of a budget, to give one layer fewer levels.
///
/// Each layer is quantized alone, weights and the activations that it reads, the rest stays in float,
/// and the answers are compared with the float network's: sensitivities of layers do not hide each other.
public struct SensitivityAnalysis<B: Backend> {
  /// The layers and what they may have.
  public let space: PrecisionSpace

  private let observations: Observations
  private let replay: CalibrationReplay?
  private let batches: [Batch]
  private let references: [Tensor]
  private let form: AnswerForm
  let backend: B
  private let floatBytes: Int

  /// Runs the float network on the samples.
  ///
  /// - Parameters:
  ///   - space: The layers and what they may have.
  ///   - observations: What calibration saw of the values that `space` names.
  ///   - replay: The samples of the calibration, for improvements that run the network again.
  ///   - batches: Samples, as the network takes them.
  ///   - backend: Where.
  /// - Throws: What running the network throws; `GraphError` for an output that is no float.
  public init(
    _ space: PrecisionSpace, observations: Observations, replay: CalibrationReplay? = nil,
    batches: [Batch], on backend: B
  ) throws {
    self.space = space
    self.observations = observations
    self.replay = replay
    self.batches = batches
    self.backend = backend
    form = AnswerForm(
      of: space.graph,
      hasLabels: batches.contains { $0.samples.contains { $0.label != nil } })
    floatBytes = space.graph.packedConstantBytes
    let executor = try Executor(space.graph, on: backend)
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

  /// The network quantized by `settings`.
  public func model(_ settings: QuantizationSettings) throws -> QuantizedModel {
    try QuantizedModel(
      space.graph, histograms: observations.histograms, channelMeans: observations.channelMeans,
      patchMoments: observations.patchMoments, replay: replay, settings: settings, on: backend)
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

  /// What one layer at one of the choices costs.
  public func sensitivity(of layer: Int, at option: Int) throws -> LayerSensitivity {
    let graph = try model(space.settings(only: layer, at: option)).graph()
    let found: OutputDivergence
    do {
      found = try divergence(of: graph)
    } catch let error as GraphError {
      throw error.located(
        in: "layer '\(space.layers[layer].label)' at \(space.choices[option])")
    }
    return LayerSensitivity(
      precision: space.choices[option], divergence: found,
      bytes: graph.packedConstantBytes - floatBytes)
  }
}

/// What it costs to give one layer a precision.
public struct LayerSensitivity: Sendable, Hashable {
  /// The precision.
  public let precision: LayerPrecision
  /// What becomes of the network's answers.
  public let divergence: OutputDivergence
  /// What the constants in the file grow by against the float network; mostly negative.
  public let bytes: Int
  /// Nanoseconds of the layer on the device, where they were measured.
  public var nanoseconds: Int?

  /// Makes a sensitivity.
  public init(
    precision: LayerPrecision, divergence: OutputDivergence, bytes: Int, nanoseconds: Int? = nil
  ) {
    self.precision = precision
    self.divergence = divergence
    self.bytes = bytes
    self.nanoseconds = nanoseconds
  }
}
