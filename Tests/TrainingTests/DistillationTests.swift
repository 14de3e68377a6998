import Execution
import Glibc
import Graph
import Operations
import Tensors
import Testing
import Training

@testable import Datasets

@Suite struct DistillationTests {
  private static let x = SmallNetworks.weights([4, 3])

  private static func network(_ end: String?, _ divisor: Float = 20) -> Graph {
    var graph = Graph(
      opsets: ["": 13], inputs: [SmallNetworks.input([.symbolic("n"), .fixed(3)])],
      outputs: [ValueInfo(name: end == nil ? "l" : "y", elementType: .float32)],
      initializers: ["w": SmallNetworks.weights([3, 5], divisor)],
      nodes: [Node("MatMul", inputs: ["x", "w"], outputs: ["l"])])
    if let end { graph.nodes.append(Node(end, inputs: ["l"], outputs: ["y"])) }
    return graph
  }

  private static func trainer(
    _ loss: Loss, _ end: String?
  ) throws -> Trainer<ReferenceBackend> {
    try Trainer(
      network(end), batch: 4, loss: loss, optimizer: Optimizer(.momentum(0)),
      on: ReferenceBackend.shared)
  }

  /// Rows of softmax(x w / temperature), in double precision.
  private static func chances(_ divisor: Float, _ temperature: Double) -> [[Double]] {
    let x = x.array(of: Float.self).map(Double.init)
    let w = SmallNetworks.weights([3, 5], divisor).array(of: Float.self).map(Double.init)
    return (0..<4).map { row in
      let powers = (0..<5).map { column -> Double in
        var logit = 0.0
        for place in 0..<3 { logit += x[row * 3 + place] * w[place * 5 + column] }
        return exp(logit / temperature)
      }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// `-T^2 mean(sum(p log q))` with p the teacher's and q the student's answers over T, whatever the
  /// networks end with.
  @Test(arguments: [nil, "Softmax", "LogSoftmax"], [1, 3] as [Float])
  func lossIsThatOfHinton(_ end: String?, _ temperature: Float) throws {
    let loss = Loss.distillation(temperature: temperature)
    let teacher = try Teacher(
      Self.network(end, 10), batch: 4, loss: loss, on: ReferenceBackend.shared)
    let target = try teacher.targets(["x": Self.x])
    let (p, q) = (Self.chances(10, Double(temperature)), Self.chances(20, Double(temperature)))
    for (found, expected) in zip(target.array(of: Float.self), p.flatMap(\.self)) {
      // Exponentials and a quotient of numbers up to 1, each within 2 units in the last place.
      #expect(abs(Double(found) - expected) < 8 * 0x1p-24)
    }
    var trainer = try Self.trainer(loss, end)
    let found = try trainer.advance(["x": Self.x], target: target, rate: 0).loss
    var sum = 0.0
    for (p, q) in zip(p.flatMap(\.self), q.flatMap(\.self)) { sum -= p * log(q) }
    let expected = Double(temperature * temperature) * sum / 4
    // Some forty operations on numbers up to 16.
    #expect(abs(Double(found) - expected) < 40 * 16 * 0x1p-24, "\(found), expected \(expected)")
  }

  /// With labels the loss is the weighted mean of both losses, and so is what it teaches.
  @Test func labelsHaveAShare() throws {
    let (temperature, weight): (Float, Float) = (3, 0.25)
    let mixed = Loss.distillation(temperature: temperature, labelWeight: weight)
    let teacher = try Teacher(
      Self.network(nil, 10), batch: 4, loss: mixed, on: ReferenceBackend.shared)
    let answers = try teacher.targets(["x": Self.x])
    let samples = (0..<4).map {
      Sample(
        inputs: ["x": Tensor([Float](repeating: 0, count: 3), shape: [1, 3])],
        label: Label(index: $0 * 2 % 5), name: "\($0)")
    }
    let batch = Batch(samples, filledTo: 4)
    let labels = LabelTargets(shape: [4, 5])
    func step(_ loss: Loss, _ target: Tensor) throws -> (loss: Float, weights: [Float]) {
      var trainer = try Self.trainer(loss, nil)
      let loss = try trainer.advance(["x": Self.x], target: target, rate: 1).loss
      return (loss, try trainer.parameterVector().array(of: Float.self))
    }
    let start = try Self.trainer(mixed, nil).parameterVector().array(of: Float.self)
    let both = try step(mixed, labels.targets(of: batch, with: answers))
    let hard = try step(.crossEntropy, labels.targets(of: batch))
    let soft = try step(.distillation(temperature: temperature), answers)
    // Some forty operations on numbers up to 16.
    let rounding: Float = 40 * 16 * 0x1p-24
    #expect(abs(both.loss - (weight * hard.loss + (1 - weight) * soft.loss)) < rounding)
    for place in start.indices {
      let expected =
        weight * (hard.weights[place] - start[place])
        + (1 - weight) * (soft.weights[place] - start[place])
      #expect(abs(both.weights[place] - start[place] - expected) < rounding)
    }
    #expect(hard.weights != soft.weights)
  }

  /// Who learns from itself by outputs has nothing to learn.
  @Test func aNetworkIsItsOwnPerfectTeacher() throws {
    let teacher = try Teacher(
      Self.network("Softmax"), batch: 4, loss: .squaredError, on: ReferenceBackend.shared)
    var trainer = try Self.trainer(.squaredError, "Softmax")
    let result = try trainer.advance(
      ["x": Self.x], target: teacher.targets(["x": Self.x]), rate: 1)
    #expect(result.loss == 0)
    #expect(try trainer.trainedTensors()["w"] == SmallNetworks.weights([3, 5], 20))
  }
}
