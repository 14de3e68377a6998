import Execution
import Graph
import Operations
import PostTraining
import Tensors
import Testing

@testable import Training

@Suite struct QuantizedSessionTests {
  static let schedules: [Schedule] = [
    .direct, .layer, .filter(groups: 2), .neuron(groups: 2), .neuron(groups: 100),
  ]

  /// The outputs of a graph for samples that no step has seen.
  private func outputs(_ graph: Graph) throws -> [Float] {
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    return try (100..<104).flatMap {
      try #require(try executor.run(["x": Quarters.samples($0).x])["y"]).array(of: Float.self)
    }
  }

  @Test(arguments: schedules)
  func lossFalls(_ schedule: Schedule) throws {
    var session = try Quarters.session(Quarters.settings(schedule), on: ReferenceBackend.shared)
    let steps = 60 / session.stages.count + 1
    let losses = try Quarters.train(&session, steps: steps)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2, "\(schedule): \(losses)")
  }

  /// What is written computes in floats what training measures, bit for bit.
  @Test(arguments: schedules, Target.allCases.filter { $0 != .qoperator })
  func exportEqualsEvaluation(_ schedule: Schedule, _ target: Target) throws {
    let settings = Quarters.settings(schedule) { $0.quantization.target = target }
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    _ = try Quarters.train(&session, steps: 2)
    let exported = try session.exportedModel()
    #expect(exported.nodes.allSatisfy { $0.domain.isEmpty })
    #expect(try outputs(session.evaluatedModel()) == outputs(exported))
  }
}
