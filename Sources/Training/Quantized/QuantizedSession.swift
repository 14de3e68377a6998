public import Graph
public import Operations
import PostTraining
import Quantization
public import Tensors

/// Quantization-aware training of a network, portion by portion or everything at once.
///
/// The network is prepared and planned as by ``PostTraining/QuantizedModel``. Each stage quantizes a
/// ``Schedule``'s next portion and what it says of activations, by histograms and the search for the
/// least squared error; then the rest is trained. Weights with codes stand still: see
/// <doc:QuantizationAwareTraining>.
public struct QuantizedSession<B: Backend>: TrainingSession {
  /// One stage a portion, with one before in which everything moves where weights are coded in every
  /// step, or the one stage of ``Schedule/direct``; before these a stage a layer where layers are quantized
  /// one after the other.
  public let stages: [TrainingStage]
  /// What was changed so far to keep int32 biases in range, one message a channel, what network and
  /// plan warn of, and which layers have biases now that accumulators leave no room for.
  public var warnings: [String] {
    get throws {
      try network.warnings + state.plan.warnings + state.remedies + biasCuts().map(\.description)
    }
  }

  /// The step of now, with the places of the parameters.
  public var step: StepGraph { trainer.step }

  let network: QuantizedNetwork
  let portions: [Portion]
  let batch: Int
  let loss: Loss
  let optimizer: Optimizer
  let backend: B
  var state: QuantizationState
  var trainer: Trainer<B>
  /// The stage that was begun.
  var current: Int?

  /// Starts from the parameters of `model`, a network in float.
  ///
  /// - Parameters:
  ///   - model: The network; its first output is trained.
  ///   - settings: How it is quantized.
  ///   - batch: Samples of a step.
  ///   - loss: What is made small.
  ///   - optimizer: How.
  ///   - backend: Where.
  /// - Throws: ``PostTraining/SettingsError``; ``Graph/GraphError`` for a model that cannot be
  ///   quantized or trained, naming the node; what the backend throws.
  public init(
    _ model: Graph, settings: QuantizedTrainingSettings, batch: Int, loss: Loss,
    optimizer: Optimizer, on backend: B
  ) throws {
    network = try QuantizedNetwork(model, settings: settings, batch: batch)
    portions = try network.portions(on: backend)
    stages = network.stages(of: portions)
    state = QuantizationState(network)
    self.batch = batch
    self.loss = loss
    self.optimizer = optimizer
    self.backend = backend
    // Learned scales begin at 1, as a stage's beginning sets them; their units are of that.
    var begun = network.closed
    for learned in network.learnedScales {
      begun.initializers[learned.name] = Tensor(repeating: Float(1), shape: learned.shape)
    }
    trainer = try Trainer(
      StepGraph(
        network.closed, batch: batch, loss: loss, optimizer: optimizer,
        scope: TrainingScope(
          parameters: network.parameters, still: Set(network.learnedScales.map(\.name)))),
      of: begun, optimizer: optimizer, on: backend)
  }

  /// Quantizes the portion of stage `index`.
  ///
  /// - Throws: As the protocol says; ``Graph/GraphError`` when a settled weight has moved.
  public mutating func begin(stage index: Int, calibration: [[String: Tensor]]) throws {
    precondition(index == (current ?? -1) + 1 && index < stages.count, "stage \(index) is not next")
    current = index
    try checkSettledWeights(in: trainer.trainedTensors())
    let now = try now()
    state = now.state
    var graph = network.closed.replacingInitializers(now.tensors)
    if let portion = currentPortion {
      try quantize(portion, in: &graph, calibration)
    } else if network.gradual.indices.contains(index) {
      try quantize(layer: network.gradual[index], in: graph, calibration)
    } else {
      try quantizeEverything(in: graph, calibration)
    }
    var vector = graph
    for learned in network.learnedScales {
      vector.initializers[learned.name] = Tensor(repeating: Float(1), shape: learned.shape)
    }
    try trainer.setParameters(network.parameters.vector(of: vector))
    try prepareStep(graph)
  }

  /// The state with the scales that training has made and, by name, what it has made of initializers;
  /// settled weights have the values that these scales give them.
  func now() throws -> (state: QuantizationState, tensors: [String: Tensor]) {
    var tensors = try trainer.trainedTensors()
    guard network.settings.learnsScales || network.settings.followsMagnitudes else {
      return (state, tensors)
    }
    let state = state.adopting(tensors, of: network.learnedScales).following(tensors)
    if network.settings.trainsScalesOfSettledWeights {
      state.giveSettledValues(to: &tensors, network)
    }
    return (state, tensors)
  }

  /// Moves what is not settled by the gradient of one batch.
  public mutating func advance(
    _ inputs: [String: Tensor], target: Tensor, rate: Float
  ) throws -> (loss: Float, output: Tensor) {
    precondition(current != nil, "no stage has begun")
    let result = try trainer.advance(inputs, target: target, rate: rate)
    return (result.loss, result.output)
  }

  /// Finds the statistics of normalizations anew, where there are any.
  public mutating func finish(
    batches count: Int, _ batch: (Int) throws -> [String: Tensor]
  ) throws {
    let now = try now()
    let graph = try FakeQuantizedGraph(
      network, now.state, current: nil,
      graph: network.bounded(network.closed.replacingInitializers(now.tensors), now.state),
      isBounded: true
    ).graph
    guard let estimate = try StatisticsEstimate(graph, on: backend) else { return }
    try trainer.setStatistics(estimate.statistics(batches: count, batch))
  }

  /// What the stage of now settles.
  var currentPortion: Portion? {
    let place = current.map(network.portion(ofStage:)) ?? -1
    return portions.indices.contains(place) ? portions[place] : nil
  }

  /// Makes the step of what is quantized now, anew only where other nodes take part.
  ///
  /// - Parameter graph: The graph for batches with the parameters of now.
  mutating func prepareStep(_ graph: Graph) throws {
    var written = try FakeQuantizedGraph(
      network, state, current: currentPortion?.layer, graph: graph)
    var tracked = network.settings.order == .oscillation ? try written.trackOscillations() : []
    if network.settings.followsMagnitudes { tracked += written.followMagnitudes() }
    written.graph.nodes = try written.graph.sortedNodes()
    let scope = TrainingScope(
      parameters: network.parameters, still: stillParameters, settings: written.settings,
      barriers: written.barriers,
      factors: Dictionary(
        uniqueKeysWithValues: network.learnedScales.map { ($0.name, $0.factor) }),
      statistics: tracked)
    let form = StepForm(nodes: written.graph.nodes, scope: scope)
    if form != stepForm {
      try trainer.replaceStep(
        StepGraph(written.graph, batch: batch, loss: loss, optimizer: optimizer, scope: scope))
      stepForm = form
    }
    try trainer.setSettings(written.graph.initializers.filter { written.settings.contains($0.key) })
    try trainer.setTrainable(trainableMask)
  }

  /// What the step was made for.
  private var stepForm: StepForm?

  private struct StepForm: Equatable, Sendable {
    let nodes: [Node]
    let scope: TrainingScope
  }
}
