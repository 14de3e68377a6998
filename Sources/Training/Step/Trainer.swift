import Execution
public import Graph
public import Operations
public import Tensors

/// Training of a network on a backend, step by step; parameters and state stay on the backend.
public struct Trainer<B: Backend> {
  /// What a step found.
  public struct Result: Sendable {
    /// The loss before the step.
    public let loss: Float
    /// The network's first output before the step.
    public let output: Tensor
  }

  /// The step.
  public private(set) var step: StepGraph
  /// Steps done.
  public private(set) var stepCount = 0

  private let model: Graph
  private let optimizer: Optimizer
  private var executor: Executor<B>
  private var settings: [String: B.Value] = [:]
  private var parameters: B.Value
  private var state: [B.Value]
  private var trainable: B.Value
  /// The parameters' units, where steps are relative; they stay.
  private let units: B.Value?
  /// What a step renews beside parameters and the optimizer's state, by name.
  private var statistics: [String: B.Value]

  /// Starts from the parameters that `model` has.
  ///
  /// - Parameters:
  ///   - model: The network; its first output is trained.
  ///   - batch: Samples of a step.
  ///   - loss: What is made small.
  ///   - optimizer: How.
  ///   - names: Parameters that may be trained; `nil` takes all.
  ///   - backend: Where.
  /// - Throws: As making a ``StepGraph`` does, and what the backend throws.
  public init(
    _ model: Graph, batch: Int, loss: Loss, optimizer: Optimizer,
    training names: Set<String>? = nil,
    on backend: B
  ) throws {
    try self.init(
      StepGraph(model, batch: batch, loss: loss, optimizer: optimizer, training: names),
      of: model, optimizer: optimizer, on: backend)
  }

  /// Starts with a step that was made of `model`, or of a network with the same parameters.
  ///
  /// - Throws: What the executor and the backend throw.
  public init(
    _ step: StepGraph, of model: Graph, optimizer: Optimizer, on backend: B
  ) throws {
    self.step = step
    executor = try Executor(step.graph, on: backend)
    self.model = try model.upgraded(toOpset: Graph.trainingOpset)
    self.optimizer = optimizer
    let count = step.parameters.count
    let vector = step.parameters.vector(of: self.model)
    parameters = try backend.upload(vector)
    units =
      optimizer.usesRelativeSteps ? try backend.upload(step.parameters.units(of: vector)) : nil
    state = try (0..<optimizer.stateCount).map { _ in
      try backend.upload(Tensor(repeating: Float(0), shape: [count]))
    }
    trainable = try backend.upload(Tensor(repeating: true, shape: [count]))
    statistics = try step.statisticValues.mapValues(backend.upload)
  }

  /// Where.
  var backend: B { executor.backend }

  /// Moves the parameters by the gradient of one batch.
  ///
  /// - Parameters:
  ///   - inputs: The model's inputs, of the step's batch.
  ///   - target: A row for each sample, as the loss takes them.
  ///   - rate: The learning rate.
  /// - Throws: ``LossNotFinite``, after which nothing has moved; what the backend throws.
  public mutating func advance(
    _ inputs: [String: Tensor], target: Tensor, rate: Float
  ) throws -> Result {
    let backend = executor.backend
    var values = try inputs.mapValues(backend.upload)
    values[StepName.target] = try backend.upload(target)
    values[StepName.rate] = try backend.upload(Tensor(scalar: rate))
    for (name, correction) in zip(StepName.corrections, optimizer.corrections(stepCount + 1)) {
      values[name] = try backend.upload(Tensor(scalar: correction))
    }
    values.merge(settings) { $1 }
    values[StepName.parameters] = parameters
    values[StepName.trainable] = trainable
    if let units { values[StepName.units] = units }
    for (index, vector) in state.enumerated() { values[StepName.state(index)] = vector }
    values.merge(statistics) { $1 }
    let results = try executor.compute(values)
    func result(_ name: String) throws -> B.Value {
      guard let value = results[name] else {
        throw GraphError.invalid("the step does not give '\(name)'")
      }
      return value
    }
    let loss = try backend.download(result(StepName.loss)).array(of: Float.self)[0]
    guard loss.isFinite else {
      throw LossNotFinite(loss: loss, step: stepCount + 1)
    }
    let output = try backend.download(result(step.graph.outputs[1].name))
    parameters = try result(StepName.newParameters)
    state = try state.indices.map { try result(StepName.newState($0)) }
    for (index, statistic) in step.statistics.enumerated() {
      statistics[statistic.name] = try result(StepName.newStatistic(index))
    }
    stepCount += 1
    return Result(loss: loss, output: output)
  }

  /// Says which elements of the parameters' vector may move.
  public mutating func setTrainable(_ mask: Tensor) throws {
    precondition(mask.shape == [step.parameters.count] && mask.elementType == .bool)
    trainable = try executor.backend.upload(mask)
  }

  /// Goes on with another step of the same parameters and optimizer; statistics that both have keep
  /// their values.
  public mutating func replaceStep(_ step: StepGraph) throws {
    precondition(step.parameters.parts == self.step.parameters.parts)
    executor = try Executor(step.graph, on: executor.backend)
    statistics = try step.statisticValues.reduce(into: [:]) { values, start in
      values[start.key] = try statistics[start.key] ?? executor.backend.upload(start.value)
    }
    self.step = step
  }

  /// Replaces statistics.
  mutating func setStatistics(_ tensors: [String: Tensor]) throws {
    for (name, tensor) in tensors {
      precondition(statistics[name]?.shape == tensor.shape, "the step keeps no such '\(name)'")
      statistics[name] = try executor.backend.upload(tensor)
    }
  }

  /// What a step has renewed.
  func statistic(_ name: String) throws -> Tensor {
    guard let value = statistics[name] else {
      preconditionFailure("the step keeps no statistic '\(name)'")
    }
    return try executor.backend.download(value)
  }

  /// Gives the settings of the step's ``TrainingScope`` their values.
  public mutating func setSettings(_ tensors: [String: Tensor]) throws {
    settings = try tensors.mapValues(executor.backend.upload)
  }

  /// The parameters one after the other, as ``TrainedParameters`` has them.
  public func parameterVector() throws -> Tensor { try executor.backend.download(parameters) }

  /// Replaces the parameters.
  public mutating func setParameters(_ vector: Tensor) throws {
    precondition(vector.shape == [step.parameters.count] && vector.elementType == .float32)
    parameters = try executor.backend.upload(vector)
  }

  /// The network with the parameters of now.
  public func trainedModel() throws -> Graph {
    var trained = model
    trained.initializers.merge(try trainedTensors()) { $1 }
    return trained
  }

  /// What training has made of initializers, by name: parameters and running statistics.
  public func trainedTensors() throws -> [String: Tensor] {
    var tensors = step.parameters.tensors(of: try executor.backend.download(parameters))
    for (name, value) in statistics { tensors[name] = try executor.backend.download(value) }
    return tensors
  }

  // MARK: Checkpoints

  /// Everything that changes, by name, for ``restore(_:)``.
  public func checkpoint() throws -> [String: Tensor] {
    var tensors = try kept.mapValues { try executor.backend.download(self[keyPath: $0]) }
    tensors["trainer/steps"] = Tensor(scalar: Int64(stepCount))
    return tensors
  }

  /// Goes on from a checkpoint of a trainer that was made in the same way: the results are, bit for
  /// bit, those that it would have had.
  ///
  /// - Throws: ``Graph/GraphError`` for a tensor that is missing or has another shape.
  public mutating func restore(_ checkpoint: [String: Tensor]) throws {
    for (name, place) in kept {
      let value = self[keyPath: place]
      guard let tensor = checkpoint[name], tensor.shape == value.shape,
        tensor.elementType == value.elementType
      else {
        throw GraphError.invalid(
          "the checkpoint is not of this network and these settings: '\(name)' is "
            + "\(checkpoint[name].map { "\($0)" } ?? "missing"), expected \(value.elementType) of "
            + "shape \(value.shape)")
      }
      self[keyPath: place] = try executor.backend.upload(tensor)
    }
    guard let steps = checkpoint["trainer/steps"], steps.elementType == .int64, steps.count == 1
    else {
      throw GraphError.invalid("the checkpoint does not say how many steps were done")
    }
    stepCount = Int(steps.array(of: Int64.self)[0])
  }

  /// The places of what changes.
  private var kept: [String: WritableKeyPath<Self, B.Value>] {
    var places: [String: WritableKeyPath<Self, B.Value>] = [
      "trainer/parameters": \.parameters, "trainer/trainable": \.trainable,
    ]
    for index in state.indices { places["trainer/state_\(index)"] = \.state[index] }
    for name in statistics.keys { places["trainer/statistic/\(name)"] = \.statistics[name]! }
    return places
  }
}

extension Optimizer {
  /// What makes up for Adam's averages having begun at 0.
  fileprivate func corrections(_ step: Int) -> [Float] {
    guard case .adam(let beta1, let beta2, _) = rule else { return [1, 1] }
    return [beta1, beta2].map { beta in
      var power = 1.0
      for _ in 0..<step { power *= Double(beta) }
      return Float(1 / (1 - power))
    }
  }
}
