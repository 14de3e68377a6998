public import Calibration
public import Graph
public import Operations
public import PostTraining

/// What it costs a network in answers, and in the unit of a budget, to give one layer fewer levels.
///
/// Each layer is quantized alone, weights and the activations that it reads, the rest stays in float,
/// and the answers are compared with the float network's: sensitivities of layers do not hide each other.
public struct SensitivityAnalysis<B: Backend> {
  /// The layers and what they may have.
  public let space: PrecisionSpace

  private let observations: Observations
  private let replay: CalibrationReplay?
  private let answers: AnswerComparison<B>
  let backend: B
  private let floatBytes: Int

  /// Gathers what it takes.
  ///
  /// - Parameters:
  ///   - space: The layers and what they may have.
  ///   - observations: What calibration saw of the values that `space` names.
  ///   - replay: The samples of the calibration, for improvements that run the network again.
  ///   - answers: Those of `space.graph`.
  ///   - backend: Where.
  public init(
    _ space: PrecisionSpace, observations: Observations, replay: CalibrationReplay? = nil,
    answers: AnswerComparison<B>, on backend: B
  ) {
    self.space = space
    self.observations = observations
    self.replay = replay
    self.backend = backend
    floatBytes = space.graph.packedConstantBytes
    self.answers = answers
  }

  /// The network quantized by `settings`.
  public func model(_ settings: QuantizationSettings) throws -> QuantizedModel {
    try QuantizedModel(
      space.graph, histograms: observations.histograms, channelMeans: observations.channelMeans,
      patchMoments: observations.patchMoments, replay: replay, settings: settings, on: backend)
  }

  /// How far the answers of `graph` are from the float network's.
  ///
  /// - Throws: `GraphError` when they are no numbers.
  public func divergence(of graph: Graph) throws -> OutputDivergence {
    try answers.divergence(of: graph)
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
