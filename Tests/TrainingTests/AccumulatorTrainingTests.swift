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
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
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
    var free = settings
    free.accumulator = nil
    var other = try Quarters.session(free, on: ReferenceBackend.shared)
    _ = try Quarters.train(&other, steps: 1, rate: 0.001)
    let unbounded = try Verifier(other.exportedModel(), accumulatorBits: 10).proof()
    #expect(unbounded.failures.count >= 2)
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
    #expect(try refusal { _ in } == "")
  }
}
