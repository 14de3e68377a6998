import Calibration
import Execution
import Graph
import Operations
import PostTraining
@testable import Reconstruction
import Tensors
import Testing

/// Units: what is trained at a time.
@Suite struct UnitTests {
  private func names(
    _ graph: Graph, _ scope: ReconstructionSettings.Scope
  ) throws -> [(layers: [String], inputs: [String], outputs: [String])] {
    let network = try Networks.network(Networks.model(graph, .reconstruct))
    return network.units(scope).map { ($0.layers.map(network.label), $0.inputs, $0.outputs) }
  }

  @Test func residualBranchesStayTogether() throws {
    let units = try names(Networks.residual(endsInSoftmax: true), .blocks)
    #expect(units.map(\.layers) == [["stem"], ["deep", "body"], ["head"]])
    #expect(units.map(\.inputs) == [["x"], ["b"], ["g"]])
    // What makes probabilities of the last layer's results is left out.
    #expect(units.map(\.outputs) == [["b"], ["g"], ["h"]])
  }

  @Test func layersComeWithTheirActivations() throws {
    let units = try names(Networks.residual(), .layers)
    #expect(units.map(\.layers) == [["stem"], ["deep"], ["body"], ["head"]])
    #expect(units.map(\.outputs) == [["b"], ["d"], ["e"], ["y"]])
  }

  /// Runs of layers are pairs, and a depthwise convolution begins one.
  @Test func layersInARowArePairs() throws {
    let units = try names(Networks.chain(), .blocks)
    #expect(units.map(\.layers) == [["c0"], ["c1", "c2"], ["c3", "c4"], ["c5"]])
  }

  /// Two outputs end in one part, which has both.
  @Test func branchesToSeveralOutputsAreOnePart() throws {
    var graph = Networks.residual()
    graph.outputs.append(Networks.value("d", [4, 6, 6]))
    let units = try names(graph, .blocks)
    #expect(units.map(\.layers) == [["stem"], ["deep", "body", "head"]])
    #expect(units[1].outputs == ["d", "y"])
  }

  /// The network with fake quantizers gives the floats of the written model.
  @Test func quantizedNetworkIsTheWrittenModel() throws {
    let model = try Networks.model(Networks.residual(), .reconstruct)
    let network = try Networks.network(model, batch: 1)
    let own = try Executor(network.quantized(), on: ReferenceBackend.shared)
    let written = try Executor(model.graph(), on: ReferenceBackend.shared)
    for number in 0..<4 {
      let inputs = Networks.sample(number).inputs
      #expect(try own.run(inputs)["y"] == written.run(inputs)["y"])
    }
  }

  /// A unit by itself gives what it gives in the network.
  @Test func unitsComputeWhatTheNetworkDoes() throws {
    let network = try Networks.network(Networks.model(Networks.residual(), .reconstruct))
    for unit in network.units(.blocks) {
      let graph = try UnitGraph(unit, of: network)
      let held = try UnitSamples(
        [0, 1, 2, 3], of: Networks.replay, to: graph, in: network, for: .reconstruct,
        on: ReferenceBackend.shared)
      var joined = graph
      joined.joinOutputs(by: [1])
      let found = try Executor(joined.graph, on: ReferenceBackend.shared)
        .run(held.batch([0, 1, 2, 3], of: graph))[UnitGraph.output]
      var bytes: [Float] = []
      for number in 0..<4 {
        bytes += Networks.sample(number).inputs["x"]!.array(of: Float.self)
      }
      let whole = try Executor(
        network.quantized().giving(graph.outputs.map(\.name)), on: ReferenceBackend.shared
      ).run(["x": Tensor(bytes, shape: [4, 3, 6, 6])])
      #expect(
        found?.array(of: Float.self) == whole[graph.outputs[0].name]?.array(of: Float.self))
    }
  }

  /// No more samples are held than fit, and one at least.
  @Test func heldSamplesAreBounded() throws {
    let network = try Networks.network(Networks.model(Networks.residual(), .reconstruct))
    let graph = try UnitGraph(network.units(.blocks)[1], of: network)
    // Two values of 4 x 6 x 6 and 4 x 6 x 6 floats.
    #expect(UnitSamples.capacity(of: graph, bytes: 5 * 2 * 144 * 4 + 1) == 5)
    #expect(UnitSamples.capacity(of: graph, bytes: 1) == 1)
  }
}
