import Bitstream
import Checksums
import Execution
import Graph
import Operations
import Signalling
import Tensors
import Testing
import Video

@testable import Adaptation

/// Multipliers and biases that are found again, and what their updates cost.
@Suite struct OverfittingTests {
  private let base = FilterNetwork.graph
  private let property = PostFilterProperty(inputOrder: .luma, outputOrder: .luma)

  /// Pictures whose originals are what the network with other numbers makes of them.
  private func pairs(_ changed: Graph) throws -> [(decoded: Picture, original: Picture)] {
    let filter = try PictureFilter(changed, property, on: ReferenceBackend())
    return try (0..<2).map {
      let picture = FilterNetwork.picture($0)
      return (picture, try filter.filtered(picture))
    }
  }

  private func scaled() -> Graph {
    var graph = base
    graph.initializers["w0_scale"] = Tensor([0.003 * 1.25, 0.004 * 0.75] as [Float])
    graph.initializers["w1_scale"] = Tensor([0.001 * 1.5] as [Float])
    return graph
  }

  private func plan(_ parameters: OverfittedParameters, epochs: Int = 30) -> OverfittingPlan {
    var plan = OverfittingPlan()
    plan.parameters = parameters
    plan.epochs = epochs
    plan.rate = 0.03
    return plan
  }

  /// The differentiable form is the network on codes but for the rounding of floats. With scales that are
  /// powers of two nothing is rounded (sums have at most 18 products of two codes, which float32 holds), so
  /// that both have the same bits.
  @Test func theDifferentiableFormComputesTheSame() throws {
    var exact = base
    for (name, scale) in [("x_scale", 0x1p-8), ("a_scale", 0x1p-7), ("r_scale", 0x1p-9)] {
      exact.initializers[name] = Tensor(scalar: Float(scale))
    }
    exact.initializers["w0_scale"] = Tensor([0x1p-8, 0x1p-9] as [Float])
    exact.initializers["w1_scale"] = Tensor([0x1p-10] as [Float])
    let layers = try exact.adaptableLayers()
    #expect(layers.map(\.label) == ["conv0", "conv1"] && layers.map(\.channels) == [2, 1])
    let form = try DifferentiableForm(exact, layers).graph
    let picture = FilterNetwork.picture(3)
    let input = try property.tensor(of: picture)
    let floats = try Executor(form, on: ReferenceBackend()).run(["x": input])["y"]
    let codes = try Executor(IntegerNetwork(exact).graph, on: ReferenceBackend()).run(["x": input])
    #expect(try #require(floats) == #require(codes["y"]))
    #expect(Set(floats?.array(of: Float.self) ?? []).count > 20)
  }

  @Test(arguments: [OverfittedParameters.multipliers, .both])
  func multipliersComeNearTheOriginals(_ parameters: OverfittedParameters) throws {
    var overfitting = try Overfitting(
      base, property, pictures: pairs(scaled()), plan: plan(parameters), on: ReferenceBackend())
    let start = try overfitting.unchanged()
    var epochs: [Int] = []
    let best = try overfitting.run { epoch, _ in epochs.append(epoch) }
    #expect(epochs == Array(1...30))
    #expect(best.squaredError * 2 < start.squaredError, "\(best.squaredError)")
    #expect(best.epoch > 0 && best.updateBytes > 0)
    // Nothing else has moved.
    let moved = base.initializers.keys.filter {
      base.initializers[$0] != best.graph.initializers[$0]
    }
    let allowed: Set = ["w0_scale", "w1_scale", "b0", "b1"]
    #expect(!moved.isEmpty && Set(moved).isSubset(of: allowed))
    if parameters == .multipliers { #expect(Set(moved).isSubset(of: ["w0_scale", "w1_scale"])) }
    try checkUpdate(best)
  }

  @Test func biasesComeNearTheOriginals() throws {
    var changed = base
    changed.initializers["b0"] = Tensor([700, 600] as [Int32])
    changed.initializers["b1"] = Tensor([400] as [Int32])
    var overfitting = try Overfitting(
      base, property, pictures: pairs(changed), plan: plan(.biases), on: ReferenceBackend())
    let start = try overfitting.unchanged().squaredError
    let best = try overfitting.run()
    #expect(best.squaredError * 2 < start, "\(best.squaredError) of \(start)")
    #expect(
      best.shift == nil && best.graph.initializers["w0_scale"] == base.initializers["w0_scale"])
    try checkUpdate(best)
  }

  /// The update brings the network, and with it the measured error, to a decoder.
  private func checkUpdate(_ found: OverfittedNetwork) throws {
    let first = try SignalMessages(of: base, SignalSettings())
    let settings = SignalSettings(activation: PostFilterActivation(target: 0))
    let second = try SignalMessages(of: found.graph, updating: base, settings)
    #expect(second.units(.hevc).count == found.updateBytes)
    let stream = try ByteStream(first.units(.hevc) + second.units(.hevc), codec: .hevc)
    let network = try #require(try SignalReceiver(stream).networks[0])
    #expect(try network.rebuilt(on: base) == found.graph)
    // Multipliers travel as codes, not as scales.
    if found.shift != nil {
      #expect(network.update?.quantizers.associations.contains { $0.kind == .multiplier } == true)
      #expect(network.update?.quantizers.associations.contains { $0.kind == .kernel } == false)
    }
  }

  /// The cost is the length of the messages in the form that the plan names.
  @Test func everythingThatIsWrittenIsCharged() throws {
    var settings = SignalSettings(
      networkID: 5, activation: PostFilterActivation(target: 5))
    var hashed = plan(.multipliers, epochs: 8)
    hashed.messages = MessageForm(settings, codec: .vvc, carrier: .aps, statesPictureHash: true)
    var overfitting = try Overfitting(
      base, property, pictures: pairs(scaled()), plan: hashed, on: ReferenceBackend())
    let best = try overfitting.run()
    #expect(best.epoch > 0)
    let filter = try PictureFilter(best.graph, property, on: ReferenceBackend())
    let first = try filter.filtered(FilterNetwork.picture(0))
    settings.pictureHash = MD5.digest(of: first.samples)
    let written = try SignalMessages(of: best.graph, updating: base, settings)
    #expect(written.units(.vvc, carrier: .aps).count == best.updateBytes)
    settings.pictureHash = nil
    settings.activation = nil
    let bare = try SignalMessages(of: best.graph, updating: base, settings)
    #expect(bare.units(.vvc, carrier: .aps).count + 16 < best.updateBytes)
  }

  @Test func whatCostsMoreThanItGivesIsNoUpdate() throws {
    var dear = plan(.multipliers, epochs: 3)
    dear.lambda = 1e9
    var overfitting = try Overfitting(
      base, property, pictures: pairs(scaled()), plan: dear, on: ReferenceBackend())
    let best = try overfitting.run()
    #expect(best.epoch == 0 && best.updateBytes == 0 && best.graph == base)
  }

  @Test func networksWithoutLayersOfTheirOwnAreRefused() throws {
    var shared = base
    shared.nodes[2].inputs[4] = "w0_scale"
    #expect(throws: GraphError.self) { try shared.adaptableLayers() }
    var strange = base
    strange.nodes[3].operatorType = "QLinearConcat"
    strange.nodes[3].attributes["axis"] = .int(1)
    let layers = try base.adaptableLayers()
    let error = #expect(throws: GraphError.self) { try DifferentiableForm(strange, layers) }
    #expect(error?.description.contains("node 'sum' (QLinearConcat)") == true)
  }

  @Test func valuesThatAreNotFiniteNameTheLayer() throws {
    var wild = plan(.both, epochs: 2)
    wild.rate = .infinity
    var overfitting = try Overfitting(
      base, property, pictures: pairs(scaled()), plan: wild, on: ReferenceBackend())
    let error = #expect(throws: GraphError.self) { try overfitting.run() }
    #expect(error?.description.contains("layer 'conv0'") == true, "\(error?.description ?? "")")
  }

  @Test(arguments: ["sadl", "round"])
  func multipliersAreRefusedWhereScalesArePowersOfTwo(_ mode: String) throws {
    var graph = base
    graph.metadata["qtool.requantization"] = mode
    let pictures = [(FilterNetwork.picture(0), FilterNetwork.picture(1))]
    let error = #expect(throws: GraphError.self) {
      try Overfitting(
        graph, property, pictures: pictures, plan: plan(.multipliers), on: ReferenceBackend())
    }
    #expect(error?.description.contains("'\(mode)'") == true)
  }

  /// Sums of products of codes need more than 8 bits, whatever the bias.
  @Test func biasesStayWithinTheAccumulators() throws {
    var changed = base
    changed.initializers["b0"] = Tensor([700, 600] as [Int32])
    var narrow = base
    narrow.metadata[AccumulatorWidth.metadataKey] = "8"
    var overfitting = try Overfitting(
      narrow, property, pictures: pairs(changed), plan: plan(.biases, epochs: 2),
      on: ReferenceBackend())
    #expect(try overfitting.run().epoch == 0)
  }

  @Test func damagedModelsAreErrorsThatNameTheNode() throws {
    let layers = try base.adaptableLayers()
    let damages: [(inout Graph) -> Void] = [
      { $0.nodes[1].inputs = ["xq"] },
      { $0.initializers["w0"] = Tensor(scalar: Int8(1)) },
      { $0.initializers["w0"] = Tensor([] as [Int8], shape: [0, 1, 3, 3]) },
      { $0.initializers["w0_scale"] = Tensor([0.5, 1, 2] as [Float]) },
      { $0.initializers["b0"] = Tensor([1, 2] as [Float]) },
      { $0.initializers["b0"] = Tensor([1, 2, 3] as [Int32]) },
      { $0.initializers["w0_scale"] = Tensor([1, 2] as [UInt8]) },
      { $0.initializers["a_zero"] = Tensor([] as [UInt8], shape: [0]) },
    ]
    for (number, damage) in damages.enumerated() {
      var graph = base
      damage(&graph)
      _ = try? graph.adaptableLayers()
      let error = #expect(throws: GraphError.self) { try DifferentiableForm(graph, layers) }
      #expect(error?.description.contains("node 'conv0'") == true, "damage \(number)")
    }
  }
}
