import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

@testable import Training

/// Biases that training has made too large for int32 beside the weights of their channel.
@Suite struct OutgrownBiasTests {
  private static let modes: [QuantizedTrainingSettings] = [
    Quarters.settings(.direct), Quarters.settings(.layer), Quarters.settings(.neuron(groups: 2)),
    Quarters.settings(.filter(groups: 2)) {
      $0.unfrozen = .quantized
      $0.learnsScales = true
    },
  ]

  /// The scale of the channel is raised and said, the others stay, and what is measured is what is written.
  @Test(arguments: modes)
  func scalesAreRaised(_ settings: QuantizedTrainingSettings) throws {
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    _ = try Quarters.train(&session, steps: 2)
    let before = try session.quantizedModel()
    let bias = try #require(session.network.parameters.parts.first { $0.name == "b2" })
    var values = try session.trainer.parameterVector().array(of: Float.self)
    // Scales of data and weights are far below 1: the code would be far above 2^31.
    values[bias.start + 1] = 1e12
    try session.trainer.setParameters(Tensor(values))
    let after = try session.quantizedModel()
    let raised = after.plan.warnings.filter { $0.contains("does not fit int32") }
    try #require(raised.count == 1)
    #expect(raised[0].contains("conv2: the bias 1e+12 of channel 1"))
    for (layer, old) in before.weights {
      let new = try #require(after.weights[layer])
      let label = session.network.layers.first { $0.number == layer }?.node.label
      for (row, pair) in zip(old.quantizers, new.quantizers).enumerated() {
        let isRaised = label == "conv2" && (row == 1 || old.quantizers.count == 1)
        #expect(isRaised ? pair.1.scale > pair.0.scale : pair.1 == pair.0)
      }
    }
    let measured = try Quarters.outputs(of: session.evaluatedModel())
    #expect(try measured == Quarters.outputs(of: session.exportedModel()))
  }
}
