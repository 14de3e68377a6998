import Graph
import Operations
import PostTraining
import Tensors
import Testing
import Training

/// What a session refuses before the first step, by the name of the node.
@Suite struct RefusedNetworkTests {
  /// The message of the error that a session ends with at once.
  private func refusal(
    _ settings: QuantizedTrainingSettings, of network: Graph = Quarters.network
  ) throws -> String {
    let error = try #require(throws: GraphError.self) {
      try Quarters.session(settings, of: network, on: ReferenceBackend.shared)
    }
    return error.description
  }

  @Test func weightsSharedWithALayerInFloat() throws {
    var network = Quarters.network
    network.nodes[3].inputs = ["p1", "w2", "b2"]
    network.nodes.insert(
      Node(
        name: "twin", "Conv", inputs: ["p1", "w2", "b2"], outputs: ["c3"],
        attributes: ["pads": .ints([1, 1, 1, 1])]), at: 3)
    network.nodes[5].inputs = ["c2", "c3"]
    let message = try refusal(
      Quarters.settings(.direct) { $0.quantization.skip = [NodePattern("twin")] }, of: network)
    #expect(message.contains("'conv2'") && message.contains("'twin'") && message.contains("'w2'"))
  }

  @Test func groupsOfWeightsByARule() throws {
    let rule = LayerRule(NodePattern("head"), granularity: .group(16))
    let message = try refusal(Quarters.settings(.direct) { $0.quantization.layers = [rule] })
    #expect(message.contains("'head'") && message.contains("groups of weights"))
  }

  @Test func keptNormalizationsAndPowersOfTwo() throws {
    let settings = Quarters.settings(.direct) {
      $0.normalization = .keep
      $0.quantization.scales = .powerOfTwo
    }
    let error = try #require(throws: SettingsError.self) { try settings.validate() }
    #expect(error.description.contains("powers of two"))
  }

  /// Normalizations that only a second output reads have no statistics to find.
  @Test func normalizationsOfASecondOutput() throws {
    var network = Quarters.normalizedNetwork
    let names = ["scale", "shift", "mean", "variance"].map { "aside \($0)" }
    for name in names { network.initializers[name] = Tensor(repeating: Float(1), shape: [5]) }
    network.nodes.append(
      Node("BatchNormalization", inputs: ["p1"] + names, outputs: ["aside"]))
    network.outputs.append(ValueInfo(name: "aside", elementType: .float32))
    var training = try FloatTraining(
      network, batch: Quarters.batch, loss: .crossEntropy, optimizer: Optimizer(.adam()),
      on: ReferenceBackend.shared)
    try training.finish(batches: 1) { ["x": Quarters.samples($0).x] }
    let exported = try training.exportedModel()
    #expect(exported.initializers["aside mean"]?.array(of: Float.self) == [1, 1, 1, 1, 1])
    let found = exported.initializers["c1 mean"]?.array(of: Float.self)
    #expect(found != nil && found != network.initializers["c1 mean"]?.array(of: Float.self))
  }
}
