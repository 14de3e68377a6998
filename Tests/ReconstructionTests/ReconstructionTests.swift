import Calibration
import Execution
import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import PostTraining
@testable import Reconstruction
import Tensors
import Testing

@Suite struct ReconstructionTests {
  private static let passes: [(Improvement, ReconstructionSettings.Scope)] = [
    (.adaround, .layers), (.reconstruct, .blocks),
  ]

  private func learn<B: Backend>(
    _ graph: Graph, _ scope: ReconstructionSettings.Scope, iterations: Int = 24, seed: UInt64 = 0,
    on backend: B, _ change: (inout ReconstructionSettings) -> Void = { _ in }
  ) throws -> (before: QuantizedModel, after: ReconstructedModel) {
    let before = try Networks.model(graph, scope == .layers ? .adaround : .reconstruct)
    var settings = ReconstructionSettings(
      scope: scope, iterations: iterations, batch: 4, seed: seed)
    change(&settings)
    return (
      before,
      try Reconstruction(settings, replay: Networks.replay, on: backend).refined(before)
    )
  }

  /// The squared error of the outputs over all samples.
  private func error(_ graph: Graph, of model: QuantizedModel) throws -> Double {
    let float = try Executor(graph, on: ReferenceBackend.shared)
    let own = try Executor(model.graph(), on: ReferenceBackend.shared)
    var total = 0.0
    for number in 0..<Networks.replay.count {
      let inputs = Networks.sample(number).inputs
      let (a, b) = try (float.run(inputs)["y"]!, own.run(inputs)["y"]!)
      for (a, b) in zip(a.array(of: Float.self), b.array(of: Float.self)) {
        total += Double(a - b) * Double(a - b)
      }
    }
    return total
  }

  /// No layer or block is worse on its own outputs than before, and some are better; so is the network.
  @Test(arguments: passes)
  func learnsWithoutLosing(_ pass: (Improvement, ReconstructionSettings.Scope)) throws {
    let graph = Networks.residual()
    let (before, after) = try learn(
      graph, pass.1, iterations: 120, on: ReferenceBackend.shared)
    #expect(after.units.allSatisfy { $0.reason != nil || $0.error! < 1 })
    #expect(after.units.contains { $0.reason == nil })
    #expect(try error(graph, of: after.model) < error(graph, of: before))
  }

  /// Where steps lead nowhere, everything stays as it was, and that is said.
  @Test func whatIsNoBetterIsNotTaken() throws {
    let (before, after) = try learn(
      Networks.residual(), .blocks, iterations: 2, on: ReferenceBackend.shared
    ) {
      $0.travel = 0
      // Rounding to the nearest is what the steps begin with.
    }
    for (number, weights) in before.weights {
      #expect(
        after.model.weights[number]?.codes.array(of: Int8.self)
          == weights.codes.array(of: Int8.self))
      #expect(after.model.weights[number]?.quantizers == weights.quantizers)
    }
    #expect(after.model.biases == before.biases)
    #expect(after.units.allSatisfy { $0.reason != nil })
    #expect(after.notes.contains { $0.contains("no better") && $0.contains("'head'") })
  }

  /// The written model holds the codes that were learned, and computes what the trained network does.
  @Test(arguments: passes)
  func writesWhatWasLearned(_ pass: (Improvement, ReconstructionSettings.Scope)) throws {
    let (before, after) = try learn(
      Networks.residual(), pass.1, iterations: 60, on: ReferenceBackend.shared)
    let model = after.model
    let hasMoved = model.weights.contains { number, weights in
      weights.codes.array(of: Int8.self) != before.weights[number]?.codes.array(of: Int8.self)
    }
    #expect(hasMoved)
    let graph = try model.graph()
    for (number, weights) in model.weights {
      let name = try #require(model.plan.weights[number]?.name)
      let written = try #require(graph.initializers["\(name)_quantized"])
      #expect(written == weights.codes)
    }
    let network = try Networks.network(model, batch: 1)
    let (own, file) = try (
      Executor(network.quantized(), on: ReferenceBackend.shared),
      Executor(graph, on: ReferenceBackend.shared)
    )
    for number in 0..<4 {
      let inputs = Networks.sample(number).inputs
      #expect(try own.run(inputs)["y"] == file.run(inputs)["y"])
    }
  }

  /// Equal files on every device, and of another seed another one.
  @Test(arguments: passes)
  func resultsAreTheSameEverywhere(_ pass: (Improvement, ReconstructionSettings.Scope)) throws {
    func graph<B: Backend>(_ backend: B, seed: UInt64 = 0) throws -> Graph {
      try learn(Networks.residual(), pass.1, iterations: 12, seed: seed, on: backend)
        .after.model.graph()
    }
    let expected = try graph(ReferenceBackend.shared)
    #expect(try graph(ReferenceBackend.shared) == expected)
    #expect(try graph(ReferenceBackend.shared, seed: 1) != expected)
    for device in (try? Device.all()) ?? [] {
      #expect(try graph(OpenCLBackend(device)) == expected)
    }
  }

  /// With room for few samples others take their place, and what is held never exceeds the bound.
  @Test func fewSamplesAreHeldAtATime() throws {
    let (_, after) = try learn(
      Networks.residual(), .blocks, on: ReferenceBackend.shared
    ) {
      // The largest block has 2 x 144 numbers a sample.
      $0.heldBytes = 5 * 2 * 144 * 4
    }
    let learned = after.units.filter { $0.reason == nil }
    #expect(!learned.isEmpty)
    #expect(learned.contains { $0.held < Networks.replay.count })
    #expect(after.notes[0].contains("of them at a time"))
  }

  @Test func valuesThatAreNotFiniteAreErrors() throws {
    let before = try Networks.model(Networks.residual(), .reconstruct)
    let replay = CalibrationReplay(count: 3) { number in
      var sample = Networks.sample(number)
      if number == 2 {
        sample.inputs["x"] = Tensor(repeating: Float.nan, shape: [1, 3, 6, 6])
      }
      return sample
    }
    let reconstruction = Reconstruction(
      ReconstructionSettings(scope: .blocks, iterations: 2, batch: 2), replay: replay,
      on: ReferenceBackend.shared)
    let problem = #expect(throws: GraphError.self) { try reconstruction.refined(before) }
    #expect("\(problem!)".contains("sample 2"))
  }

  /// A layer whose operator cannot be trained through stays as it was, with the reason.
  @Test func whatCannotBeTrainedThroughIsNamed() throws {
    var graph = Networks.residual()
    graph.nodes[5] = Node(name: "odd", "Elu", inputs: ["e"], outputs: ["f"])
    let (before, after) = try learn(graph, .blocks, on: ReferenceBackend.shared)
    let odd = try #require(after.units.first { $0.layers.contains("head") })
    #expect(odd.reason?.contains("'odd' (Elu)") == true)
    #expect(after.notes.contains { $0.contains("'head'") && $0.contains("'odd' (Elu)") })
    let head = try #require(before.plan.graph.nodes.firstIndex { $0.name == "head" })
    #expect(
      after.model.weights[head]?.codes.array(of: Int8.self)
        == before.weights[head]?.codes.array(of: Int8.self))
  }

  @Test func powersOfTwoStay() throws {
    let before = try Networks.model(Networks.residual(), .reconstruct) { $0.scales = .powerOfTwo }
    let after = try Reconstruction(
      ReconstructionSettings(scope: .blocks, iterations: 40, batch: 4), replay: Networks.replay,
      on: ReferenceBackend.shared
    ).refined(before).model
    for (number, weights) in after.weights {
      #expect(weights.quantizers == before.weights[number]?.quantizers)
    }
    for (name, value) in after.plan.values {
      #expect(value.quantizer == before.plan.values[name]?.quantizer)
    }
  }
}
