import Calibration
import Execution
import Graph
import Operations
@testable import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

private func low(_ change: (inout QuantizationSettings) -> Void = { _ in }) -> QuantizationSettings
{
  settings(weights: 8) {
    $0.weights.range = nil
    $0.improvements = [.outputs, .squant, .gain]
    $0.target = .qdq
    change(&$0)
  }
}

@Suite struct ScaleChoiceTests {
  /// Where the patches are all looked at, the error of outputs is that over the data, so that no filter
  /// can be worse than with either scale.
  @Test(arguments: patchNetworks.indices)
  func noFilterIsWorseThanWithLeastSquaresOrMinMax(index: Int) throws {
    let graph = patchNetworks[index].1
    let observations = try observed(graph, low())
    func model(_ settings: QuantizationSettings) throws -> QuantizedModel {
      try QuantizedModel(
        graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
        settings: settings, on: ReferenceBackend.shared)
    }
    let layer = graph.nodes.count - 1
    let chosen = try #require(model(low()).weights[layer])
    #expect(chosen.isChosenByOutputs)
    let plain: Set<Improvement> = [.squant, .gain]
    let squares = try #require(model(low { $0.improvements = plain }).weights[layer])
    let spanning = try #require(
      model(
        low {
          $0.improvements = plain
          $0.weights.range = .minmax
        }
      ).weights[layer])
    #expect(!squares.isChosenByOutputs)
    let found = try errors(graph, chosen)
    let others = [try errors(graph, squares), try errors(graph, spanning)]
    for other in others {
      for channel in found.indices {
        // Both are sums of squares of float differences, to 24 bits of the outputs.
        #expect(found[channel] <= other[channel] * (1 + 0x1p-10))
      }
      #expect(found.reduce(0, +) < other.reduce(0, +))
    }
  }

  @Test func theErrorIsThatOfTheMoments() throws {
    let graph = patchNetworks[0].1
    let observations = try observed(graph, low())
    let moments = try #require(observations.patchMoments["x"]?.values.first)
    for isCentered in [false, true] {
      let error = OutputError(moments, isCentered: isCentered)
      let means = isCentered ? moments.means : [Double](repeating: 0, count: 27)
      let own = moments.ownMoments(less: means)
      let cross = moments.crossMoments(less: means)
      let weights = (0..<27).map { place in
        var lanes = OutputError.Lanes.zero
        for lane in 0..<8 { lanes[lane] = Double((place * 7 + lane * 5) % 11 - 5) }
        return lanes
      }
      let found = weights.withUnsafeBufferPointer { error($0, group: 0) }
      for lane in 0..<8 {
        var expected = 0.0
        for a in 0..<27 {
          let weight = weights[a][lane]
          expected += weight * weight * own[a]
          for b in 0..<a {
            expected += 2 * weight * weights[b][lane] * cross[a * (a - 1) / 2 + b]
          }
        }
        #expect(abs(found[lane] - expected) <= 1e-12 * expected.magnitude * 27 * 27)
        #expect(found[lane] > 0)
      }
    }
  }

  @Test func layersWithoutMomentsKeepLeastSquaresAndSaySo() throws {
    let graph = patchNetworks[0].1
    let observations = try observed(graph, low())
    let model = try QuantizedModel(
      graph, histograms: observations.histograms, settings: low(), on: ReferenceBackend.shared)
    #expect(model.weights[0]?.isChosenByOutputs == false)
    let report = model.report(
      original: 1, written: 1, histograms: observations.histograms, sampleCount: 24)
    #expect(report.notes.contains { $0.contains("hold no moments") })
    #expect(report.layers[0].weightRange == "mse")
    let without = try QuantizedModel(
      graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
      settings: low { $0.improvements = [.squant, .gain] }, on: ReferenceBackend.shared)
    #expect(model.weights[0]?.quantizers == without.weights[0]?.quantizers)
  }

  @Test func powersOfTwoStayPowersOfTwo() throws {
    let graph = patchNetworks[0].1
    let settings = low {
      $0.scales = .powerOfTwo
      $0.improvements = Improvement.all(for: .powerOfTwo)
    }
    let observations = try observed(graph, settings)
    let model = try QuantizedModel(
      graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
      settings: settings, on: ReferenceBackend.shared)
    let weights = try #require(model.weights[0])
    #expect(weights.isChosenByOutputs)
    for quantizer in weights.quantizers { #expect(quantizer.scale.significand == 1) }
  }

  @Test func onlyLayersOfFewLevelsWithAScaleAChannelAreGathered() throws {
    let graph = residualNetwork()
    let all = try QuantizationPlan(graph, settings: settings()).patches(for: nil)
    #expect(Set(all.keys) == ["x", "b", "g"])
    let borders = low { $0.borderLevels = 256 }
    let some = try QuantizationPlan(graph, settings: borders).patches(for: borders)
    #expect(Set(some.keys) == ["b"])
    let tensor = low { $0.granularity = .tensor }
    #expect(try QuantizationPlan(graph, settings: tensor).patches(for: nil).isEmpty)
  }
}
