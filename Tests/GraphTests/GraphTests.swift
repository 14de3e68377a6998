import Graph
import Tensors
import Testing

@Suite struct GraphOrderTests {
  func graph(_ nodes: [Node]) -> Graph {
    Graph(
      inputs: [ValueInfo(name: "x", elementType: .float32)],
      outputs: [ValueInfo(name: "y", elementType: .float32)], nodes: nodes)
  }

  @Test func ordersNodesByTheValuesTheyRead() throws {
    let sorted = try graph([
      Node(name: "second", "Relu", inputs: ["h"], outputs: ["y"]),
      Node(name: "first", "Relu", inputs: ["x"], outputs: ["h"]),
    ]).sortedNodes()
    #expect(sorted.map(\.name) == ["first", "second"])
  }

  @Test func namesANodeOnACycle() {
    let error = #expect(throws: GraphError.self) {
      try graph([
        Node(name: "a", "Add", inputs: ["x", "y"], outputs: ["h"]),
        Node(name: "b", "Relu", inputs: ["h"], outputs: ["y"]),
      ]).sortedNodes()
    }
    #expect(error?.description == "node 'a' (Add) is on or behind a cycle")
  }

  @Test func namesAValueThatNothingWrites() {
    let error = #expect(throws: GraphError.self) {
      try graph([Node(name: "a", "Relu", inputs: ["z"], outputs: ["y"])]).sortedNodes()
    }
    #expect(error?.description == "node 'a' (Relu) reads 'z', which nothing writes")
  }

  @Test func namesBothWritersOfAValue() {
    let error = #expect(throws: GraphError.self) {
      try graph([
        Node(name: "a", "Relu", inputs: ["x"], outputs: ["y"]),
        Node(name: "b", "Relu", inputs: ["x"], outputs: ["y"]),
      ]).sortedNodes()
    }
    #expect(error?.description == "value 'y' is written by node 'a' and again by 'b'")
  }
}
