import Graph
import Operations
import Tensors
import Testing

@testable import Execution

@Suite struct ErrorTests {
  @Test func everyUnsupportedNodeIsNamedBeforeAnythingRuns() throws {
    let graph = Graph(
      opsets: ["": 13],
      inputs: [ValueInfo(name: "x", elementType: .float32)],
      outputs: [ValueInfo(name: "z", elementType: .float32)],
      nodes: [
        Node(name: "first", "NoSuchOperator", inputs: ["x"], outputs: ["y"]),
        Node(name: "fine", "Relu", inputs: ["y"], outputs: ["r"]),
        Node(name: "second", "Gelu", inputs: ["r"], outputs: ["z"]),
      ])
    let message = message(.unsupported) { _ = try Executor(graph, on: ReferenceBackend.shared) }
    for word in ["first", "NoSuchOperator", "second", "Gelu", "opset 13", "2 nodes"] {
      #expect(message?.contains(word) == true, "\(word) in \(message ?? "nothing")")
    }
    #expect(message?.contains("fine") == false)
    let nodes = try Executor<ReferenceBackend>.unsupportedNodes(of: graph)
    #expect(nodes.map(\.label) == ["first", "second"])
    #expect(nodes.map(\.opset) == [13, 13])
  }

  @Test(arguments: [1, 6, 28])
  func operatorSetsOutOfRangeAreUnsupported(opset: Int) {
    let text = message(.unsupported) { _ = try compute("Relu", opset: opset, [counting([2])]) }
    #expect(text?.contains("opset \(opset)") == true)
  }

  @Test func unknownAttributesAndWrongKindsAreErrors() {
    let x = counting([2, 2])
    let unknown = message(.unsupported) {
      _ = try compute("Softmax", opset: 13, [x], ["temperature": .float(1)])
    }
    #expect(unknown?.contains("'temperature'") == true)
    let wrong = message(.invalid) {
      _ = try compute("Softmax", opset: 13, [x], ["axis": .float(1)])
    }
    #expect(wrong?.contains("'axis'") == true)
    #expect(
      message(.invalid) { _ = try compute("Transpose", opset: 13, [x], ["perm": .ints([0, 0])]) }
        != nil)
    #expect(message(.invalid) { _ = try compute("Concat", opset: 13, [x]) } != nil)
  }

  @Test func wrongNumbersOfInputsAndOutputsAreErrors() {
    let x = counting([2, 2])
    #expect(message(.invalid) { _ = try compute("Relu", opset: 13, [x, x]) } != nil)
    #expect(message(.invalid) { _ = try compute("MatMul", opset: 13, [x, nil]) } != nil)
    #expect(message(.invalid) { _ = try compute("Relu", opset: 13, [x], outputs: 2) } != nil)
  }

  /// Operands that do not fit together, each with what the message must name.
  static let misfits: [(String, [Tensor?], [String: Attribute], [String])] = [
    ("Add", [counting([2, 3]), counting([4])], [:], ["[2, 3]", "[4]"]),
    ("MatMul", [counting([2, 3]), counting([2, 3])], [:], ["[2, 3]"]),
    ("MatMul", [counting([]), counting([2])], [:], ["scalar"]),
    ("Gemm", [counting([2, 3]), counting([3])], [:], ["[2, 3]", "[3]"]),
    ("Gemm", [counting([2, 3]), counting([3, 2]), counting([3])], [:], ["[3]", "[2, 2]"]),
    (
      "Conv", [counting([1, 3, 4, 4]), counting([2, 2, 3, 3])], [:],
      ["[1, 3, 4, 4]", "[2, 2, 3, 3]"]
    ),
    ("Conv", [counting([1, 1, 2, 2]), counting([1, 1, 3, 3])], [:], ["[2, 2]"]),
    ("Conv", [counting([1, 1, 4, 4]), counting([1, 1, 3, 3]), counting([2])], [:], ["[2]"]),
    (
      "Conv", [counting([1, 1, 4, 4]), counting([1, 1, 3, 3])], ["pads": .ints([1, 1])], ["pads"]
    ),
    ("MaxPool", [counting([1, 1, 2, 2])], ["kernel_shape": .ints([3, 3])], ["[2, 2]"]),
    ("MaxPool", [counting([1, 1, 2, 2])], [:], ["kernel_shape"]),
    ("Reshape", [counting([2, 3]), Tensor([Int64(4), -1])], [:], ["[2, 3]", "[4, -1]"]),
    ("Reshape", [counting([2, 3]), Tensor([Int64(-1), -1])], [:], ["[-1, -1]"]),
    ("Transpose", [counting([2, 3])], ["perm": .ints([0])], ["[0]"]),
    ("Concat", [counting([2, 3]), counting([3, 3])], ["axis": .int(1)], ["[2, 3]", "[3, 3]"]),
    ("Concat", [counting([2, 3])], ["axis": .int(2)], ["axis 2"]),
    ("Gather", [counting([2, 3]), Tensor([Int64(2)])], [:], ["index 2"]),
    ("Split", [counting([3]), Tensor([Int64(1), 1])], [:], ["[1, 1]"]),
    ("Squeeze", [counting([2, 3]), Tensor([Int64(0)])], [:], ["[2, 3]"]),
    ("Expand", [counting([2, 3]), Tensor([Int64(4), 3])], [:], ["[2, 3]", "[4, 3]"]),
    ("Tile", [counting([2]), Tensor([Int64(1), 1])], [:], ["[1, 1]"]),
    ("DepthToSpace", [counting([1, 3, 1, 1])], ["blocksize": .int(2)], ["[1, 3, 1, 1]"]),
    ("Where", [counting([2]), counting([2]), counting([2])], [:], ["float32"]),
    ("Not", [counting([2])], [:], ["float32"]),
    ("Exp", [Tensor([Int64(1)])], [:], ["int64"]),
    ("Add", [counting([2]), Tensor([Int64(1), 2])], [:], ["int64"]),
    (
      "BatchNormalization", [counting([1, 2, 2])] + [3, 2, 2, 2].map { counting([$0]) }, [:],
      ["[3]"]
    ),
    ("LayerNormalization", [counting([2, 3]), counting([2, 3])], ["axis": .int(2)], ["axis 2"]),
    ("TopK", [counting([3]), Tensor([Int64(4)])], [:], ["[4]"]),
    ("Pad", [counting([2]), Tensor([Int64(-3), 0])], [:], ["[2]"]),
    (
      "Range", [Tensor(scalar: Int64(0)), Tensor(scalar: Int64(3)), Tensor(scalar: Int64(0))], [:],
      ["by 0"]
    ),
    ("QuantizeLinear", [counting([2, 3]), counting([2])], [:], ["[2, 3]", "[2]"]),
    (
      "QuantizeLinear", [counting([2]), Tensor(scalar: Float(1)), Tensor(scalar: Float(0))], [:],
      ["float32"]
    ),
    ("MatMulInteger", [counting([2, 2]), counting([2, 2])], [:], ["float32"]),
    ("ConstantOfShape", [Tensor([Int64(1) << 40, 1 << 40])], [:], ["too large"]),
    (
      "Einsum", [counting([2, 3]), counting([2, 3])], ["equation": .string("ij,jk->ik")],
      ["3", "2"]
    ),
    ("Einsum", [counting([2])], ["equation": .string("i->j")], ["label"]),
    ("Resize", [counting([1, 1, 2, 2]), nil, Tensor([Float(1), 2])], [:], ["[1, 1, 2, 2]"]),
  ]

  @Test(arguments: misfits.indices)
  func misfittingOperandsAreErrorsThatNameThem(index: Int) throws {
    let (type, inputs, attributes, words) = Self.misfits[index]
    let outputs = type == "TopK" || type == "Split" ? 2 : 1
    let text = message(.invalid) {
      _ = try compute(type, opset: 21, inputs, attributes, outputs: outputs)
    }
    for word in ["'tested'", type, "opset 21"] + words {
      #expect(text?.contains(word) == true, "\(word) in \(text ?? "no error")")
    }
  }

  @Test func inputsAreCheckedAgainstTheGraph() throws {
    let graph = Graph(
      opsets: ["": 13],
      inputs: [
        ValueInfo(name: "x", elementType: .float32, shape: [.symbolic("n"), .fixed(2)]),
        ValueInfo(name: "y", elementType: .float32, shape: [.symbolic("n"), .unknown]),
      ],
      outputs: [ValueInfo(name: "z", elementType: .float32)],
      nodes: [Node("Add", inputs: ["x", "y"], outputs: ["z"])])
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    let x = counting([3, 2])
    #expect(try executor.run(["x": x, "y": x])["z"]?.shape == [3, 2])
    let wrong: [([String: Tensor], String)] = [
      (["x": x], "'y' is missing"), (["x": x, "y": x, "w": x], "no input 'w'"),
      (["x": counting([3, 3]), "y": x], "[3, 3]"), (["x": x, "y": counting([1, 2])], "n=3"),
      (["x": Tensor([1, 2, 3, 4, 5, 6].map { Int64($0) }, shape: [3, 2]), "y": x], "int64"),
    ]
    for (inputs, word) in wrong {
      let text = message(.invalid) { _ = try executor.run(inputs) }
      #expect(text?.contains(word) == true, "\(word) in \(text ?? "no error")")
    }
    #expect(executor.graph.batchDimension == .symbolic("n"))
  }
}
