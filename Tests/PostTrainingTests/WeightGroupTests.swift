import Execution
import Graph
import Operations
import Quantization
import Tensors
import TestNetworks
import Testing

@testable import PostTraining

/// Groups of weights: signs of scales, and rounding by second moments.
@Suite struct WeightGroupTests {
  private func settings(
    levels: Int, target: Target = .matMulNBits,
    _ change: (inout QuantizationSettings) -> Void = { _ in }
  ) -> QuantizationSettings {
    TestNetworks.settings(weights: levels, target: target) {
      $0.granularity = .group(16)
      $0.weightOnly = WeightOnlySettings()
      change(&$0)
    }
  }

  /// Sixteen levels from -7 to 8 have a scale of -1; where scales must not be negative the range is wider.
  @Test(arguments: [RangeMethod.minmax, .mse])
  func groupsThatReachFurtherAboveZeroHaveNegativeScales(method: RangeMethod) throws {
    let column = (0..<16).map { Float($0) - 7 }
    let graph = Graph(
      opsets: ["": 13], inputs: [value("x", [16])], outputs: [value("y", [2])],
      initializers: ["w": Tensor(column.flatMap { [$0, -$0] }, shape: [16, 2])],
      nodes: [Node(name: "fc", "MatMul", inputs: ["x", "w"], outputs: ["y"])])
    func model(_ target: Target) throws -> QuantizedModel {
      try QuantizedModel(
        graph, histograms: [:],
        settings: settings(levels: 16, target: target) { $0.weights.range = method },
        on: ReferenceBackend.shared)
    }
    let x = Tensor((0..<16).map { Float($0 % 3) - 1 }, shape: [1, 16])
    let expected = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
    for target in [Target.matMulNBits, .ortCPU] {
      let model = try model(target)
      let weights = try #require(model.weights[0])
      #expect(weights.scales == [-1, 1] && weights.signalToNoise == .infinity)
      #expect(weights.codes.array(of: Int8.self) == column.flatMap { [-Int8($0), -Int8($0)] })
      #expect(try Executor(model.graph(), on: ReferenceBackend.shared).run(["x": x]) == expected)
    }
    let plain = try #require(try model(.qdq).weights[0])
    #expect(plain.scales[0] > 0 && plain.scales[1] == 1 && plain.signalToNoise < .infinity)
  }

  /// The error of a filter's outputs, of groups with scales of either sign.
  private func error(
    _ row: SecondOrderWeights.GroupedRow, _ weights: [Double], _ groupSize: Int, _ gram: [Double]
  ) -> Double {
    let errors = weights.indices.map {
      row.quantizers[$0 / groupSize].scale * Double(row.steps[$0]) - weights[$0]
    }
    var sum = 0.0
    for a in errors.indices {
      for b in errors.indices { sum += errors[a] * gram[a * errors.count + b] * errors[b] }
    }
    return sum
  }

  /// Never worse than the nearest codes; without fitting of scales no single code could be better, and fitting
  /// makes nothing worse.
  @Test func codesAndScalesOfGroupsSuitTheOutputs() throws {
    let (count, groupSize) = (24, 8)
    var gains: [Double] = []
    for seed in 1...12 {
      let noise = weights([40, count], seed: seed).array(of: Float.self).map(Double.init)
      var gram = [Double](repeating: 0, count: count * count)
      for patch in 0..<40 {
        let own = (0..<count).map { noise[patch * count] + 0.4 * noise[patch * count + $0] }
        for a in 0..<count { for b in 0..<count { gram[a * count + b] += own[a] * own[b] } }
      }
      let tensor = weights([1, count], seed: seed + 50)
      let values = tensor.array(of: Float.self).map(Double.init)
      let rows = WeightRows(tensor, axis: 0, groupSize: groupSize)
      let start = try rows.searchSigned(levels: 4, method: .mse, on: ReferenceBackend.shared)
      let search = SecondOrderWeights(
        tensor, axis: 0, FilterMoments(groups: [[.init(elements: 0..<count, gram: gram)]]))
      let nearest = SecondOrderWeights.GroupedRow(
        steps: values.indices.map { start[$0 / groupSize].step(of: values[$0]) }, quantizers: start)
      let fixed = search.grouped(start, groupSize: groupSize, fitsScales: false)[0]
      let fitted = search.grouped(start, groupSize: groupSize, fitsScales: true)[0]
      let errors = [nearest, fixed, fitted].map { error($0, values, groupSize, gram) }
      // Sums of 576 products of doubles.
      #expect(errors[1] <= errors[0] * (1 + 1e-12) && errors[2] <= errors[1] * (1 + 1e-12))
      #expect(fixed.quantizers == start)
      for place in values.indices {
        let range = fixed.quantizers[place / groupSize].quantizer
        for step in -range.zeroPoint...(range.levels - 1 - range.zeroPoint) {
          var other = fixed
          other.steps[place] = step
          #expect(error(other, values, groupSize, gram) >= errors[1] * (1 - 1e-5))
        }
      }
      gains.append(errors[2] / errors[0])
    }
    #expect(gains.contains { $0 < 0.5 })
  }
}
