import Execution
import Graph
import Operations
import PostTraining
import Tensors
import Testing

@testable import Training

@Suite struct KeptNormalizationTests {
  static let modes: [QuantizedTrainingSettings] = [
    settings(.direct), settings(.neuron(groups: 2)),
    settings(.filter(groups: 2)) {
      $0.unfrozen = .quantized
      $0.learnsScales = true
      $0.compensates = true
      $0.freezing = .everything
    },
  ]

  private static func settings(
    _ schedule: Schedule, _ change: (inout QuantizedTrainingSettings) -> Void = { _ in }
  ) -> QuantizedTrainingSettings {
    Quarters.settings(schedule) {
      $0.normalization = .keep
      change(&$0)
    }
  }

  private func session(
    _ settings: QuantizedTrainingSettings
  ) throws -> QuantizedSession<ReferenceBackend> {
    try Quarters.session(
      settings, of: Quarters.normalizedNetwork, on: ReferenceBackend.shared)
  }

  /// The network with its normalizations behind the layers begins as the folded one.
  @Test func beginsAsTheFoldedNetwork() throws {
    let session = try session(Self.settings(.direct))
    let folded = session.network.plan.graph
    let kept = session.network.closed
    #expect(kept.nodes.filter { $0.operatorType == "BatchNormalization" }.count == 2)
    #expect(!folded.nodes.contains { $0.operatorType == "BatchNormalization" })
    let (expected, found) = (try Quarters.outputs(of: folded), try Quarters.outputs(of: kept))
    let size = expected.map(abs).reduce(0, max)
    for (a, b) in zip(expected, found) {
      // Sums of 9, 45 and 80 products and a dozen operations more, each off by half a unit in the
      // last place of numbers within 16 times the largest output.
      #expect(abs(a - b) <= 150 * 16 * size * 0x1p-24)
    }
    // Folded again, every weight is off by the roundings of a root, a quotient and a product.
    let again = session.network.folded(
      session.state, try session.trainer.trainedTensors()
    ).graph
    for name in session.network.layers.map(\.weights.name) {
      let pairs = try zip(
        #require(again.initializers[name]).array(of: Float.self),
        #require(folded.initializers[name]).array(of: Float.self))
      #expect(pairs.allSatisfy { abs($0 - $1) <= 4 * $1.ulp })
    }
  }

  /// Factors go into scales; codes, also the lowest, stay what they were with weights of their own.
  @Test(arguments: modes)
  func codesStayWhenFactorsBecomeScales(_ settings: QuantizedTrainingSettings) throws {
    var session = try session(settings)
    let losses = try Quarters.train(&session, steps: 60 / session.stages.count + 1)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2)
    let state = try session.now().state
    let tensors = try session.trainer.trainedTensors()
    let model = try session.quantizedModel()
    for (layer, codes) in zip(session.network.layers, state.weights) {
      let written = try #require(model.weights[layer.number])
      let quantizers = try #require(codes.allQuantizers)
      let own = layer.weights.codes(
        of: try #require(tensors[layer.weights.name]), quantizers, improvements: [])
      #expect(written.codes == own)
      guard let kept = layer.normalization else {
        #expect(written.quantizers == quantizers)
        continue
      }
      let factors = try kept.factors(
        scales: #require(tensors[kept.scale]).array(of: Float.self),
        variances: #require(tensors[kept.variance]).array(of: Float.self))
      #expect(factors.allSatisfy { $0 > 0 } && Set(factors).count > 1)
      #expect(written.quantizers == zip(quantizers, factors).map { $0.scaled(by: $1) })
    }
    let measured = try Quarters.outputs(of: session.evaluatedModel())
    #expect(try measured == Quarters.outputs(of: session.exportedModel()) && measured.count == 18)
  }

  /// A scale that training has made negative counts as the smallest.
  @Test func scalesOfNormalizationsStayAboveZero() throws {
    let session = try session(Self.settings(.direct))
    let kept = try #require(session.network.layers[0].normalization)
    let start = try #require(session.network.closed.initializers[kept.scale]).array(of: Float.self)
    let bounded = kept.bounded([-1] + start.dropFirst())
    #expect(bounded[0] > 0 && bounded[0] < start[0] / 1000)
    #expect(Array(bounded.dropFirst()) == Array(start.dropFirst()))
  }

  @Test(arguments: modes)
  func goesOnFromACheckpoint(_ settings: QuantizedTrainingSettings) throws {
    func advance(_ session: inout QuantizedSession<ReferenceBackend>, stages: Range<Int>) throws {
      for stage in stages {
        try session.begin(stage: stage, calibration: Quarters.calibration)
        for number in 0..<2 {
          let (x, target) = Quarters.samples(stage * 2 + number)
          _ = try session.advance(["x": x], target: target, rate: 0.02)
        }
      }
    }
    var whole = try session(settings)
    let stop = min(2, whole.stages.count)
    try advance(&whole, stages: 0..<stop)
    var resumed = try session(settings)
    try resumed.restore(whole.checkpoint())
    func finish(_ session: inout QuantizedSession<ReferenceBackend>) throws {
      try advance(&session, stages: stop..<session.stages.count)
      try session.finish(batches: 3) { ["x": Quarters.samples(90 + $0).x] }
    }
    try finish(&whole)
    try finish(&resumed)
    let (a, b) = (try whole.checkpoint(), try resumed.checkpoint())
    #expect(a == b)
    let (first, second) = (try whole.exportedModel(), try resumed.exportedModel())
    #expect(first == second)
  }

  /// The statistics of the end are those of all batches together.
  @Test func statisticsAreFoundAnew() throws {
    var session = try session(Self.settings(.direct))
    _ = try Quarters.train(&session, steps: 3)
    let count = 4
    try session.finish(batches: count) { ["x": Quarters.samples(70 + $0).x] }
    let layer = session.network.layers[0]
    let kept = try #require(layer.normalization)
    let tensors = try session.trainer.trainedTensors()
    let graph = try FakeQuantizedGraph(
      session.network, session.state, current: nil,
      graph: session.network.closed.replacingInitializers(session.now().tensors)
    ).graph
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    var values = [[Double]](repeating: [], count: 5)
    for number in 0..<count {
      _ = try executor.run(
        ["x": Quarters.samples(70 + number).x], observing: ["c1\0product"]
      ) { _, value in
        for (index, number) in value.array(of: Float.self).enumerated() {
          values[index / 64 % 5].append(Double(number))
        }
      }
    }
    let means = try #require(tensors[kept.mean]).array(of: Float.self)
    let variances = try #require(tensors[kept.variance]).array(of: Float.self)
    for channel in 0..<5 {
      let own = values[channel]
      #expect(own.count == count * 6 * 64)
      let mean = own.reduce(0, +) / Double(own.count)
      let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count)
      let size = own.map(abs).reduce(0, max)
      // A batch's sums of 384 numbers in float32.
      #expect(abs(Double(means[channel]) - mean) <= 400 * size * 0x1p-24)
      #expect(abs(Double(variances[channel]) - variance) <= 2000 * size * size * 0x1p-24)
    }
  }

  @Test func saysWhereThereIsNothingToKeep() throws {
    let plain = try Quarters.session(Self.settings(.direct), on: ReferenceBackend.shared)
    #expect(try plain.warnings.contains { $0.contains("no BatchNormalization") })
    let kept = try session(Self.settings(.direct))
    #expect(try kept.warnings.isEmpty)
    let settings = Self.settings(.direct) { $0.quantization.granularity = .tensor }
    let error = try #require(throws: SettingsError.self) { try settings.validate() }
    #expect(error.description.contains("normalizations are kept"))
  }

  /// In float, too.
  @Test func floatTrainingFindsStatisticsAnew() throws {
    var training = try FloatTraining(
      SmallNetworks.normalized, batch: 4, loss: .squaredError, optimizer: Optimizer(.momentum(0)),
      on: ReferenceBackend.shared)
    // Column j of the product is known: of three unit rows and zeros it has w1's numbers and b1.
    let x = Tensor(
      (0..<12).map { $0 / 3 == $0 % 3 ? Float(1) : 0 }, shape: [4, 3])
    try training.finish(batches: 2) { _ in ["x": x] }
    let exported = try training.exportedModel()
    let weights = SmallNetworks.weights([3, 4]).array(of: Float.self).map(Double.init)
    let bias = SmallNetworks.weights([4]).array(of: Float.self).map(Double.init)
    let means = try #require(exported.initializers["mean"]).array(of: Float.self)
    let variances = try #require(exported.initializers["variance"]).array(of: Float.self)
    for column in 0..<4 {
      let values = (0..<4).map { row in
        bias[column] + (row < 3 ? weights[row * 4 + column] : 0)
      }
      let mean = values.reduce(0, +) / 4
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4
      // Numbers below 1, each after fewer than 16 roundings.
      #expect(abs(Double(means[column]) - mean) <= 16 * 0x1p-24)
      #expect(abs(Double(variances[column]) - variance) <= 16 * 0x1p-24)
    }
  }
}
