import Execution
import Graph
import Operations
import Tensors
import Testing

@testable import Training

/// Derivatives of bounded weights and biases.
@Suite struct BoundedGradientTests {
  /// Bits of which an input of 0...15 leaves codes a sum of 8.
  private static func attributes(_ constraint: AccumulatorConstraint) -> [String: Attribute] {
    [
      "levels": .int(16), "axis": .int(0), "bits": .int(8), "low": .int(0), "high": .int(15),
      "constraint": .string(constraint.rawValue),
    ]
  }

  /// The values of `outputs` of a graph of one node and the derivatives of their first, times `factors`,
  /// by `name`.
  private func differentiate(
    _ node: Node, _ constants: [String: Tensor], by name: String, shape: [Int], _ factors: Tensor
  ) throws -> (outputs: [Tensor], gradient: [Float]) {
    var graph = Graph(
      opsets: ["": 21, "lowbit": 1], outputs: [ValueInfo(name: "l", elementType: .float32)],
      initializers: constants.merging(["factors": factors]) { $1 },
      nodes: [
        node, Node("Mul", inputs: [node.outputs[0], "factors"], outputs: ["m"]),
        Node("ReduceSum", inputs: ["m"], outputs: ["l"], attributes: ["keepdims": .int(0)]),
      ])
    for output in node.outputs {
      graph.valueInfo[output] = ValueInfo(
        name: output, elementType: .float32, shape: shape.map { .fixed($0) })
    }
    let result = try graph.differentiated("l", for: [name])
    graph = result.graph
    let gradient = try #require(result.gradients[name])
    graph.outputs = (node.outputs + [gradient]).map { ValueInfo(name: $0, elementType: .float32) }
    let values = try Executor(graph, on: ReferenceBackend.shared).run([:])
    return (
      try node.outputs.map { try #require(values[$0]) },
      try #require(values[gradient]).array(of: Float.self)
    )
  }

  @Test(arguments: AccumulatorConstraint.allCases)
  func weightsPassWhatTheirQuantizerDoes(_ constraint: AccumulatorConstraint) throws {
    // The first filter is bound by any constraint, and one of its weights is outside the range; the second
    // is not bound.
    let constants = [
      "w": Tensor([Float(9), 6, -7, -4, 0.25, 1, -1, 0.5, 0, 0], shape: [2, 5]),
      "s": Tensor([Float(1), 0.5]), "d": Tensor(scalar: Float(1)), "b": Tensor([Float(0), 0]),
    ]
    let node = Node(
      "BoundedFakeQuantize", domain: "lowbit", inputs: ["w", "s", "d", "b"],
      outputs: ["v", "slopes", "rounded"], attributes: Self.attributes(constraint))
    let factors: [Float] = [1, 2, 3, 4, 5, 1, -1, 2, 0, 3]
    let (outputs, gradient) = try differentiate(
      node, constants, by: "w", shape: [2, 5], Tensor(factors, shape: [2, 5]))
    let values = outputs[0].array(of: Float.self)
    let positive = values[..<5].reduce(0) { $0 + max($1, 0) }
    let negative = values[..<5].reduce(0) { $0 + max(-$1, 0) }
    switch constraint {
    case .a2q: #expect(positive + negative == 8)
    case .a2qPlus, .signs: #expect(positive == 8 && negative == 8)
    }
    var expected = factors
    // 9 is beyond 7 steps, centred or not.
    expected[0] = 0
    if constraint == .a2qPlus {
      for filter in 0..<2 {
        let mean = expected[filter * 5..<filter * 5 + 5].reduce(0, +) / 5
        for place in filter * 5..<filter * 5 + 5 { expected[place] -= mean }
      }
    } else {
      #expect(Array(values[5...]) == [1, -1, 0.5, 0, 0])
    }
    for (found, wanted) in zip(gradient, expected) {
      // A mean of five small numbers.
      #expect(abs(found - wanted) <= 1e-6)
    }
    let slopes = outputs[1].array(of: Float.self)
    let byScale = try differentiate(
      node, constants, by: "s", shape: [2, 5], Tensor(factors, shape: [2, 5]))
    for filter in 0..<2 {
      let sum = (0..<5).reduce(Float(0)) {
        $0 + factors[filter * 5 + $1] * slopes[filter * 5 + $1]
      }
      #expect(abs(byScale.gradient[filter] - sum) <= 1e-4)
    }
  }

  /// Eight steps of input times 15 leave a bias of 7 above.
  @Test func biasesBeyondTheirBoundMoveInwardsOnly() throws {
    let constants = [
      "v": Tensor([Float(8), 8, 8, 8], shape: [4, 1]), "s": Tensor(repeating: Float(1), shape: [4]),
      "d": Tensor(scalar: Float(0.5)), "b": Tensor([Float(100), 100, 3, -100]),
    ]
    let node = Node(
      "BoundedBias", domain: "lowbit", inputs: ["v", "s", "d", "b"], outputs: ["y"],
      attributes: Self.attributes(.a2q))
    let (outputs, gradient) = try differentiate(
      node, constants, by: "b", shape: [4], Tensor([Float(1), -1, -1, 1]))
    #expect(outputs[0].array(of: Float.self) == [3.5, 3.5, 3, -64])
    #expect(gradient == [1, 0, -1, 0])
  }
}
