import Execution
import Graph
import Operations
import PostTraining
import Tensors
import Testing

@testable import Training

@Suite struct OscillationTests {
  /// The rule of the paper, for one weight.
  private struct Count {
    var previous: Float
    var direction: Float = 0
    var frequency: Float = 0

    mutating func add(_ code: Float) {
      let change: Float = code > previous ? 1 : code < previous ? -1 : 0
      let turned: Float = change != 0 && direction != 0 && change != direction ? 1 : 0
      frequency =
        frequency * (1 - OscillationTracking.momentum) + turned * OscillationTracking.momentum
      if change != 0 { direction = change }
      previous = code
    }
  }

  /// Weights that stay, rise, jump to and fro, rest in between, and fall by steps of any size.
  @Test func countsChangesThatTurnBack() throws {
    let courses: [[Float]] = [
      [2, 2, 2, 2, 2, 2, 2, 2], [-2, -1, 0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 0, 1, 0, 1],
      [0, 1, 1, 1, 0, 0, 1, 0], [3, 1, 1, -5, -5, -6, -5, 2],
    ]
    let start = Tensor(courses.map { $0[0] })
    var graph = Graph(
      opsets: ["": 21],
      inputs: [ValueInfo(name: "codes", elementType: .float32, shape: [.fixed(courses.count)])])
    graph.trackOscillations(of: "codes", from: start)
    var values: [String: Tensor] = [:]
    for statistic in OscillationTracking.statistics {
      values[statistic.name] = graph.initializers.removeValue(forKey: statistic.name)
      graph.inputs.append(
        ValueInfo(name: statistic.name, elementType: .float32, shape: [.fixed(courses.count)]))
      graph.outputs.append(ValueInfo(name: statistic.next, elementType: .float32))
    }
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    var counts = courses.map { Count(previous: $0[0]) }
    for step in 1..<courses[0].count {
      values["codes"] = Tensor(courses.map { $0[step] })
      let results = try executor.run(values)
      for statistic in OscillationTracking.statistics {
        values[statistic.name] = results[statistic.next]
      }
      for place in counts.indices { counts[place].add(courses[place][step]) }
      let found = values[OscillationTracking.frequency]?.array(of: Float.self)
      #expect(found == counts.map(\.frequency))
    }
    let order = counts.indices.sorted { counts[$0].frequency < counts[$1].frequency }
    #expect(order.suffix(3).last == 2 && counts[0].frequency == 0 && counts[1].frequency == 0)
  }

  /// What the step counts is what its codes do, and the filters that turn back least are settled first.
  @Test(arguments: [false, true])
  func settlesTheCalmestFilters(_ learnsScales: Bool) throws {
    let settings = Quarters.settings(.filter(groups: 3)) {
      $0.unfrozen = .quantized
      $0.order = .oscillation
      $0.learnsScales = learnsScales
      // Many levels close by: codes change often.
      $0.quantization.weights.levels = 64
      $0.quantization.borderLevels = nil
    }
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    func codes() throws -> [Float] {
      let weights = try session.quantizedModel().weights
      return weights.keys.sorted().flatMap {
        weights[$0]!.codes.array(of: Int8.self).map(Float.init)
      }
    }
    var counts: [Count] = []
    var hasTurned = false
    for stage in session.stages.indices {
      let before = session.state.weights.map(\.isFrozen)
      let found = counts.map(\.frequency)
      try session.begin(stage: stage, calibration: Quarters.calibration)
      if let portion = session.currentPortion {
        let after = session.state.weights[portion.layer].isFrozen
        let sums = session.network.sums(of: Tensor(found), layer: portion.layer)
        let open = after.indices.filter { !before[portion.layer][$0] }
        let settled = open.filter { after[$0] }
        #expect(settled.count == portion.filters.count)
        let largest = try #require(settled.map { sums[$0] }.max())
        #expect(open.allSatisfy { after[$0] || sums[$0] >= largest })
      } else {
        counts = try codes().map { Count(previous: $0) }
      }
      for number in 0..<4 {
        for (place, code) in try codes().enumerated() { counts[place].add(code) }
        let (x, target) = Quarters.samples(stage * 4 + number)
        _ = try session.advance(["x": x], target: target, rate: 0.03)
        let tracked = try session.trainer.statistic(OscillationTracking.frequency)
        #expect(tracked.array(of: Float.self) == counts.map(\.frequency))
        hasTurned = hasTurned || counts.contains { $0.frequency > 0 }
      }
    }
    #expect(hasTurned)
    let isSettled = session.state.weights.allSatisfy { $0.isComplete }
    #expect(isSettled)
  }

  @Test func isRefusedWhereNothingIsCounted() throws {
    let others: [QuantizedTrainingSettings] = [
      Quarters.settings(.direct), Quarters.settings(.filter(groups: 2)),
      Quarters.settings(.layer) { $0.unfrozen = .quantized },
      Quarters.settings(.neuron(groups: 1)) { $0.unfrozen = .quantized },
    ]
    for var settings in others {
      settings.order = .oscillation
      let error = try #require(throws: SettingsError.self) { try settings.validate() }
      #expect(error.description.contains("oscillation"))
    }
  }
}
