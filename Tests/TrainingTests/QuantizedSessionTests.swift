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

  @Test(arguments: schedules)
  func lossFalls(_ schedule: Schedule) throws {
    var session = try Quarters.session(Quarters.settings(schedule), on: ReferenceBackend.shared)
    let steps = 60 / session.stages.count + 1
    let losses = try Quarters.train(&session, steps: steps)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2, "\(schedule): \(losses)")
  }

  /// What is written computes in floats what training measures, bit for bit.
  @Test(arguments: schedules, [Target.ortCPU, .qdq])
  func exportEqualsEvaluation(_ schedule: Schedule, _ target: Target) throws {
    let settings = Quarters.settings(schedule) { $0.quantization.target = target }
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    _ = try Quarters.train(&session, steps: 2)
    let exported = try session.exportedModel()
    #expect(exported.nodes.allSatisfy { $0.domain.isEmpty })
    for number in 100..<104 {
      let measured = try Quarters.outputs(of: session.evaluatedModel(), number: number)
      #expect(try measured == Quarters.outputs(of: exported, number: number))
      #expect(measured.count == 18)
    }
  }
}
