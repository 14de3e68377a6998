import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing
import Verification

@testable import Training

/// Networks that are trained for accumulators of a width.
@Suite struct AccumulatorTrainingTests {
  private static func settings(
    _ schedule: Schedule, bits: Int?, _ constraint: AccumulatorConstraint = .a2q,
    _ change: (inout QuantizedTrainingSettings) -> Void = { _ in }
  ) -> QuantizedTrainingSettings {
    Quarters.settings(schedule, levels: 16) {
      $0.quantization.borderLevels = nil
      $0.learnsScales = true
      $0.accumulator = bits.map { AccumulatorTraining(bits: $0, constraint: constraint) }
      change(&$0)
    }
  }

  private static let modes: [QuantizedTrainingSettings] = [
    settings(.direct, bits: 10),
    settings(.direct, bits: 10, .a2qPlus),
    settings(.filter(groups: 2), bits: 10, .signs) { $0.unfrozen = .quantized },
    settings(.filter(groups: 2), bits: 10) {
      ($0.unfrozen, $0.freezing, $0.order) = (.quantized, .everything, .oscillation)
    },
    settings(.layer, bits: 10, .signs),
    settings(.neuron(groups: 3), bits: 10) { $0.learnsScales = false },
    settings(.direct, bits: 10) { ($0.learnsScales, $0.followsMagnitudes) = (false, true) },
    settings(.direct, bits: 10, .signs) { $0.quantization.granularity = .tensor },
    settings(.layer, bits: 10, .a2qPlus) {
      ($0.learnsScales, $0.quantization.granularity) = (false, .tensor)
      $0.quantization.scales = .powerOfTwo
    },
    settings(.direct, bits: 10) { $0.quantization.target = .qdq },
    settings(.direct, bits: 10, .a2qPlus) { $0.quantization.target = .qoperator },
  ]

  /// What is trained is what is written, fits the width by the proof over the file's integers and by
  /// inputs that reach its bounds, and would not have fitted it otherwise.
  @Test(arguments: modes)
  func trainedNetworksAreProven(_ settings: QuantizedTrainingSettings) throws {
    try Self.requireProof(of: settings, Quarters.network)
    var free = settings
    free.accumulator = nil
    var other = try Quarters.session(free, on: ReferenceBackend.shared)
    _ = try Quarters.train(&other, steps: 1, rate: 0.001)
    let unbounded = try Verifier(other.exportedModel(), accumulatorBits: 10).proof()
    #expect(unbounded.failures.count >= 2)
  }

  /// The same where codes of the input depend on a scale: behind clips at 6.
  @Test(arguments: [
    settings(.filter(groups: 2), bits: 10, .signs) { $0.unfrozen = .quantized },
    settings(.layer, bits: 10, .signs),
    settings(.direct, bits: 10, .signs) { ($0.learnsScales, $0.followsMagnitudes) = (false, true) },
    settings(.layer, bits: 10, .signs) { $0.learnsScales = false },
    settings(.direct, bits: 10, .signs) { $0.quantization.target = .qdq },
  ])
  func clippedNetworksAreProven(_ settings: QuantizedTrainingSettings) throws {
    try Self.requireProof(of: settings, Self.clippedNetwork)
  }

  /// conv1 -> Clip -> conv2 -> Clip -> Flatten -> head, with values beyond the first clip's bound.
  private static var clippedNetwork: Graph {
    var graph = Quarters.network
    graph.nodes.remove(at: 4)
    graph.nodes.remove(at: 2)
    graph.initializers["zero"] = Tensor(scalar: Float(0))
    graph.initializers["six"] = Tensor(scalar: Float(6))
    graph.initializers["w1"] = graph.initializers["w1"].map {
      Tensor($0.array(of: Float.self).map { $0 * 16 }, shape: $0.shape)
    }
    graph.nodes[1] = Node("Clip", inputs: ["c1", "zero", "six"], outputs: ["r1"])
    graph.nodes[2].inputs[0] = "r1"
    graph.nodes[2].attributes["strides"] = .ints([2, 2])
    graph.nodes[3] = Node("Clip", inputs: ["c2", "zero", "six"], outputs: ["r2"])
    return graph
  }

  /// Codes settled beside one scale of the input are written beside another, by which a clip has
  /// a larger code.
  @Test(arguments: [true, false])
  func settledCodesFitWhateverBecomesOfTheScale(_ learnsScales: Bool) throws {
    let settings = Self.settings(.filter(groups: 2), bits: 10, .signs) {
      ($0.unfrozen, $0.learnsScales) = (.quantized, learnsScales)
    }
    var session = try Quarters.session(
      settings, of: Self.clippedNetwork, on: ReferenceBackend.shared)
    func setScale(_ scale: Float) {
      let group = session.state.plan.values["r1"]?.group
      for (name, value) in session.state.plan.values where value.group == group {
        session.state.plan.values[name]?.quantizer = value.quantizer.map {
          Quantizer(scale: scale, zeroPoint: $0.zeroPoint, levels: $0.levels)
        }
      }
    }
    func inputs() throws -> ClosedRange<Int>? {
      try session.layerBounds.first { $0.layer == "conv2" }?.bound.inputs
    }
    try session.begin(stage: 0, calibration: Quarters.calibration)
    setScale(0.42)
    #expect(try inputs() == 0...(learnsScales ? 15 : 14))
    for stage in session.stages.indices.dropFirst() {
      try session.begin(stage: stage, calibration: Quarters.calibration)
    }
    setScale(0.4)
    #expect(try inputs() == 0...15)
    if learnsScales {
      #expect(try Verifier(session.exportedModel()).proof().failures == [])
    } else {
      // No step does this to a scale that is not trained: it shows that the codes would not fit.
      #expect(throws: GraphError.self) { try session.exportedModel() }
    }
  }

  /// Biases far beyond the accumulator are cut to ones with which the model is written, and a warning
  /// says so.
  @Test(arguments: [12, 26, 28, 30, 31, 32])
  func saysWhatItTakesFromBiases(_ bits: Int) throws {
    var session = try Quarters.session(
      Self.settings(.direct, bits: bits), on: ReferenceBackend.shared)
    try session.begin(stage: 0, calibration: Quarters.calibration)
    #expect(try !session.warnings.contains { $0.contains("have no room") })
    let place = try #require(session.network.layers.firstIndex { $0.node.label == "conv2" })
    session.state.weights[place].quantizers = session.state.weights[place].quantizers.map {
      $0.map { Quantizer(scale: 1e-9, zeroPoint: $0.zeroPoint, levels: $0.levels) }
    }
    let found = try session.warnings.filter { $0.contains("have no room") }
    #expect(found.count == 1)
    let message = try #require(found.first)
    let start = "conv2: accumulators of \(bits) bits have no room for the biases of 5 of 5 filters"
    #expect(message.hasPrefix(start), "\(message)")
    let model = try session.quantizedModel()
    #expect(model.plan.warnings.contains(message))
    #expect(try Verifier(model.graph()).proof().failures == [])
    _ = try session.evaluatedModel()
  }

  private static func requireProof(
    of settings: QuantizedTrainingSettings, _ network: Graph
  ) throws {
    var session = try Quarters.session(settings, of: network, on: ReferenceBackend.shared)
    _ = try Quarters.train(&session, steps: 4, rate: 0.03) { session, _ in
      try Self.requireTrainedCodes(of: session)
    }
    let exported = try session.exportedModel()
    let proof = try Verifier(exported).proof(running: ReferenceBackend.shared)
    #expect(proof.failures == [])
    #expect(proof.accumulatorBits == 10 && proof.widthFrom == "the model's metadata")
    #expect(proof.layers.map(\.name) == ["conv1", "conv2", "head"])
    for layer in proof.layers {
      let run = try #require(layer.adversarial)
      #expect(run.boundsReached == run.bounds && run.bounds == 2 * layer.filters.count)
      #expect(layer.filters.contains { $0.anyOrder != [0, 0] })
    }
    // Operators on codes round sums once, not product by product.
    for number in 100..<103 where settings.quantization.target != .qoperator {
      let measured = try Quarters.outputs(of: session.evaluatedModel(), number: number)
      #expect(try measured == Quarters.outputs(of: exported, number: number))
    }
  }

  /// The values that the step computes with are those of the codes that would be written now.
  private static func requireTrainedCodes(
    of session: QuantizedSession<ReferenceBackend>
  ) throws {
    let settings = session.network.settings
    guard settings.codesEveryStep else { return }
    let tensors = try session.trainer.trainedTensors()
    let now = try session.now()
    let written = try session.network.bounded(
      session.network.plan.graph.replacingInitializers(now.tensors), now.state)
    var step = try FakeQuantizedGraph(
      session.network, session.state, current: session.currentPortion?.layer,
      graph: session.network.closed)
    if settings.followsMagnitudes { _ = step.followMagnitudes() }
    var graph = step.graph.replacingInitializers(tensors)
    let names = session.network.layers.map { layer -> String in
      let coded = step.codedWeights[layer.weights.name]
      return coded?.values ?? ""
    }
    graph.nodes = try graph.sortedNodes()
    graph.outputs = names.map { ValueInfo(name: $0, elementType: .float32) }
    let found = try Executor(graph, on: ReferenceBackend.shared)
      .run(["x": Quarters.samples(0).x])
    for (name, layer) in zip(names, session.network.layers) {
      #expect(found[name] == written.initializers[layer.weights.name], "\(layer.node.label)")
    }
  }

  /// A loss is brought down within a bound that binds, by either constraint.
  @Test(arguments: AccumulatorConstraint.allCases)
  func learnsWithinTheBound(_ constraint: AccumulatorConstraint) throws {
    var session = try Quarters.session(
      Self.settings(.direct, bits: 10, constraint), on: ReferenceBackend.shared)
    let losses = try Quarters.train(&session, steps: 60, rate: 0.02)
    let (first, last) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(last < first / 2)
    let worst = try Verifier(session.exportedModel()).proof().layers.compactMap(\.neededBits)
    #expect(worst.max() == 10)
  }

  @Test func refusesWhatCannotBeBounded() throws {
    func refusal(
      _ network: Graph = Quarters.network, bits: Int = 10,
      _ change: (inout QuantizedTrainingSettings) -> Void
    ) throws -> String {
      do {
        var session = try Quarters.session(
          Self.settings(.layer, bits: bits, .a2q, change), of: network,
          on: ReferenceBackend.shared)
        for stage in session.stages.indices {
          try session.begin(stage: stage, calibration: Quarters.calibration)
        }
      } catch let error as SettingsError {
        return error.description
      } catch let error as GraphError {
        return error.description
      }
      return ""
    }
    #expect(try refusal { $0.quantization.granularity = .group(4) }.contains("groups"))
    #expect(try refusal { $0.compensates = true }.contains("10 bits: weights that make up"))
    #expect(try refusal { $0.normalization = .keep }.contains("normalization"))
    #expect(try refusal(bits: 7) { _ in }.contains("8 to 32"))
    let wide = try refusal(bits: 8) { $0.quantization.activations.levels = 256 }
    #expect(wide.contains("conv1") && wide.contains("no weight but 0"))
    var shared = Quarters.network
    shared.nodes[3].inputs[2] = "b1"
    #expect(try refusal(shared) { _ in }.contains("shares the bias 'b1'"))
    var single = Quarters.network
    single.initializers["w1"] = Tensor([0.5, -0.25, 1, 2, -0.5] as [Float], shape: [5, 1, 1, 1])
    single.nodes[0].attributes = [:]
    let centred = try refusal(single) {
      $0.accumulator = AccumulatorTraining(bits: 10, constraint: .a2qPlus)
    }
    #expect(centred.contains("'conv1'") && centred.contains("single weight"), "\(centred)")
    #expect(try refusal(single) { _ in } == "")
    #expect(try refusal { _ in } == "")
  }
}
