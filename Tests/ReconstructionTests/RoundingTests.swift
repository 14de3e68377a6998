import Execution
import Glibc
import Graph
import Operations
import PostTraining
import Quantization
@testable import Reconstruction
import Tensors
import Testing
import Training

/// Rounding that is learned, against its formulas.
@Suite struct RoundingTests {
  private func weights(_ codes: [Int8], scale: Float) -> QuantizedWeights {
    QuantizedWeights(
      codes: Tensor(codes, shape: [1, codes.count], as: .int4),
      quantizers: [Quantizer(scale: scale, zeroPoint: 8, levels: 16)], axis: nil, groupSize: nil)
  }

  /// What learning begins with are the weights themselves, where their codes are beside them.
  @Test func beginsWithTheWeights() {
    let values: [Float] = [0.31, -0.77, 0.5, 1.02]
    let rounding = SoftRounding(
      Tensor(values, shape: [1, 4]), weights([1, -3, 2, 4], scale: 0.25))
    #expect(rounding.base == [1, -4, 2, 4])
    for (place, value) in values.enumerated() {
      let part = 1 / (1 + exp(-Double(rounding.start[place]))) * 1.2 - 0.1
      let soft = (Double(rounding.base[place]) + part) * 0.25
      // Parts are kept a hundredth off 0 and 1.
      #expect(abs(soft - Double(value)) <= 0.25 * 0.01 + 1e-6)
    }
    #expect(rounding.codes(rounding.start) == [1, -3, 2, 4])
    #expect(rounding.codes([1, 1, -1, -1]) == [2, -3, 2, 4])
  }

  /// A code that makes up for others is one of the two that are chosen from, and codes stay within the levels.
  @Test func codesThatAreNotTheNearestStay() {
    let rounding = SoftRounding(
      Tensor([0.31, 0.31, 9] as [Float], shape: [1, 3]), weights([4, -1, 7], scale: 0.25))
    #expect(rounding.base == [3, -1, 7])
    #expect(rounding.codes(rounding.start) == [4, -1, 7])
    #expect(rounding.codes([9, 9, 9]) == [4, 0, 7])
    #expect(rounding.codes([-9, -9, -9]) == [3, -1, 7])
  }

  /// The derivative of loss and pull by every parameter, against differences of the loss itself in
  /// double precision.
  @Test func derivativeIsThatOfTheFormula() throws {
    let values: [Float] = [0.31, -0.77, 0.55, 1.1, -0.2, 0.06]
    let quantized = weights([1, -3, 2, 4, -1, 0], scale: 0.25)
    let rounding = SoftRounding(Tensor(values, shape: [1, 6]), quantized)
    let (exponent, target) = (3.0, 0.4)
    var unit = try UnitGraph.only(weights: "w")
    _ = unit.constant("exponent", Tensor(scalar: Float(exponent)))
    let sum = unit.soften("w", rounding, scales: quantized.scales, exponent: "exponent")
    _ = unit.constant("target", Tensor(scalar: Float(target)))
    _ = unit.add("Sub", ["w", "target"], to: "difference")
    _ = unit.add("Mul", ["difference", "difference"], to: "square")
    _ = unit.add("ReduceSum", ["square"], to: "error", ["keepdims": .int(0)])
    _ = unit.add("Add", ["error", sum], to: "loss")
    unit.graph.outputs = [ValueInfo(name: "loss", elementType: .float32)]
    let differentiated = try unit.graph.differentiated("loss", for: ["w\0rounding"])
    let name = try #require(differentiated.gradients["w\0rounding"])
    var graph = differentiated.graph
    graph.outputs = [ValueInfo(name: name, elementType: .float32)]
    let found = try Executor(graph, on: ReferenceBackend.shared).run([:])[name]!
      .array(of: Float.self)

    func loss(_ parameters: [Double]) -> Double {
      var total = 0.0
      for (place, parameter) in parameters.enumerated() {
        let part = min(max(1.2 / (1 + exp(-parameter)) - 0.1, 0), 1)
        let code = min(max(Double(rounding.base[place]) + part, -8), 7)
        let difference = code * 0.25 - Double(Float(target))
        total += difference * difference + pow(abs(2 * part - 1), exponent)
      }
      return total
    }
    let start = rounding.start.map(Double.init)
    for place in start.indices {
      let step = 1e-5
      var (above, below) = (start, start)
      above[place] += step
      below[place] -= step
      let slope = (loss(above) - loss(below)) / (2 * step)
      // A dozen operations in single precision, on numbers below 4.
      #expect(abs(Double(found[place]) - slope) <= 4 * 16 * 0x1p-23)
    }
  }
}

extension UnitGraph {
  /// A graph without inputs that holds nothing but the place of some weights.
  fileprivate static func only(weights name: String) throws -> UnitGraph {
    let network = try Networks.network(Networks.model(Networks.residual(), .reconstruct))
    var unit = try UnitGraph(network.units(.layers)[0], of: network)
    unit.graph.nodes = []
    unit.graph.inputs = []
    unit.graph.initializers = [name: Tensor(scalar: Float(0))]
    unit.graph.opsets = ["": 21]
    return unit
  }
}
