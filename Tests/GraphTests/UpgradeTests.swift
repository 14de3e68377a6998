import Graph
import Tensors
import Testing

@Suite struct UpgradeTests {
  /// One node between `x` and `y`, upgraded.
  func upgraded(
    _ node: Node, from source: Int, to target: Int, initializers: [String: Tensor] = [:],
    type: ElementType = .float32, shape: [Dimension]? = nil
  ) throws -> Graph {
    var graph = Graph(
      opsets: ["": source, "com.us": 1],
      inputs: [ValueInfo(name: "x", elementType: type, shape: shape)],
      outputs: [ValueInfo(name: "y", elementType: type)], initializers: initializers, nodes: [node])
    graph = try graph.upgraded(toOpset: target)
    #expect(graph.opsets == ["": target, "com.us": 1])
    _ = try graph.sortedNodes()
    return graph
  }

  func node(
    _ type: String, _ inputs: [String] = ["x"], _ attributes: [String: Attribute] = [:]
  ) -> Node {
    Node(name: "n", type, inputs: inputs, outputs: ["y"], attributes: attributes)
  }

  func message(_ body: () throws -> Graph) -> String {
    #expect(throws: GraphError.self, performing: body)?.description ?? ""
  }

  /// The constants that the only node reads, in order; `nil` where an input is left out.
  func constants(_ graph: Graph) -> [Tensor?] {
    graph.nodes[0].inputs.dropFirst().map { graph.initializers[$0] }
  }

  @Test func listsBecomeInputs() throws {
    let axes = Tensor([0, 2] as [Int64])
    for (type, version) in [
      ("Squeeze", 13), ("Unsqueeze", 13), ("ReduceSum", 13), ("ReduceMean", 18),
    ] {
      let old = node(type, ["x"], ["axes": .ints([0, 2])])
      let new = try upgraded(old, from: 12, to: version)
      #expect(constants(new) == [axes], "\(type)")
      #expect(new.nodes[0].attributes.isEmpty)
      #expect(new.nodes[0].name == "n" && new.nodes[0].outputs == ["y"])
      #expect(try upgraded(old, from: 11, to: version - 1).nodes == [old], "\(type) too early")
    }
    #expect(try constants(upgraded(node("ReduceSum"), from: 7, to: 21)) == [])
  }

  @Test func sliceAndTopKAndSplit() throws {
    let slice = try upgraded(
      node("Slice", ["x"], ["starts": .ints([1]), "ends": .ints([-1]), "axes": .ints([2])]),
      from: 9, to: 21)
    #expect(
      constants(slice) == [Tensor([1] as [Int64]), Tensor([-1] as [Int64]), Tensor([2] as [Int64])])
    let top = try upgraded(node("TopK", ["x"], ["k": .int(5), "axis": .int(1)]), from: 9, to: 21)
    #expect(constants(top) == [Tensor([5] as [Int64])])
    #expect(top.nodes[0].attributes == ["axis": .int(1)])
    let split = try upgraded(node("Split", ["x"], ["split": .ints([2, 3])]), from: 11, to: 21)
    #expect(constants(split) == [Tensor([2, 3] as [Int64])])
    #expect(split.nodes[0].attributes.isEmpty)
    let equal = try upgraded(node("Split"), from: 11, to: 18)
    #expect(equal.nodes[0].attributes == ["num_outputs": .int(1)])
  }

  @Test func boundsTakeTheTypeOfTheInput() throws {
    let clip = node("Clip", ["x"], ["max": .float(6)])
    #expect(try constants(upgraded(clip, from: 7, to: 13)) == [nil, Tensor(scalar: 6 as Float)])
    #expect(
      try constants(upgraded(clip, from: 7, to: 13, type: .float64))
        == [nil, Tensor(scalar: 6 as Double)])
    let pad = node("Pad", ["x"], ["pads": .ints([0, 1]), "value": .float(2)])
    #expect(
      try constants(upgraded(pad, from: 7, to: 13, type: .float16))
        == [Tensor([0, 1] as [Int64]), Tensor([0x4000] as [UInt16], shape: [], as: .float16)])
    let zero = node("Pad", ["x"], ["pads": .ints([0, 1]), "value": .float(0)])
    #expect(try constants(upgraded(zero, from: 7, to: 13)) == [Tensor([0, 1] as [Int64])])
  }

  @Test func softmaxOnAMatrix() throws {
    let old = node("Softmax")
    let flat = try upgraded(old, from: 9, to: 13, shape: [.unknown, .fixed(3)])
    #expect(flat.nodes == [node("Softmax", ["x"], ["axis": .int(-1)])])
    let deep = try upgraded(old, from: 9, to: 13, shape: [.unknown, .fixed(3), .fixed(2)])
    #expect(deep.nodes.map(\.operatorType) == ["Shape", "Flatten", "Softmax", "Reshape"])
    #expect(deep.nodes[1].attributes == ["axis": .int(1)])
    #expect(deep.nodes[2].name == "n")
    #expect(deep.nodes[3].outputs == ["y"])
  }

  @Test func upsampleBecomesResize() throws {
    let old = node(
      "Upsample", ["x"], ["scales": .floats([1, 1, 2, 2]), "mode": .string("nearest")])
    let new = try upgraded(old, from: 7, to: 21)
    #expect(new.nodes[0].operatorType == "Resize")
    #expect(constants(new) == [nil, Tensor([1, 1, 2, 2] as [Float])])
    #expect(
      new.nodes[0].attributes == [
        "mode": .string("nearest"), "nearest_mode": .string("floor"),
        "coordinate_transformation_mode": .string("asymmetric"),
      ])
    // Version 11 has no way to leave the region out.
    #expect(
      try constants(upgraded(old, from: 7, to: 11))
        == [Tensor([] as [Float]), Tensor([1, 1, 2, 2] as [Float])])
    #expect(
      message {
        try upgraded(
          node("Resize", ["x", "s"]), from: 10, to: 11,
          initializers: ["s": Tensor([0.5] as [Float])])
      }.contains("node 'n' (Resize) shrinks an axis"))
  }

  @Test func dropoutAndNormalization() throws {
    var dropout = node("Dropout", ["x"], ["ratio": .float(0.25)])
    dropout.outputs.append("mask")
    let new = try upgraded(dropout, from: 7, to: 13)
    #expect(constants(new) == [Tensor(scalar: 0.25 as Float)])
    var normalization = node(
      "BatchNormalization", ["x", "s", "b", "m", "v"], ["spatial": .int(1), "epsilon": .float(0.5)])
    normalization.outputs += ["", "unread"]
    let constants = Dictionary(
      uniqueKeysWithValues: ["s", "b", "m", "v"].map { ($0, Tensor([1] as [Float])) })
    let inferred = try upgraded(normalization, from: 7, to: 15, initializers: constants)
    #expect(inferred.nodes[0].attributes == ["epsilon": .float(0.5)])
    #expect(inferred.nodes[0].outputs == ["y"])
    normalization.attributes["spatial"] = .int(0)
    #expect(
      message { try upgraded(normalization, from: 7, to: 9, initializers: constants) }
        == "cannot be upgraded from operator set 7 to 9: node 'n' (BatchNormalization) has "
        + "spatial=0, statistics for every position")
  }

  @Test func subgraphsAreUpgradedToo() throws {
    let branch = Graph(
      name: "b", opsets: [:], outputs: [ValueInfo(name: "o", elementType: .float32)],
      nodes: [Node("Squeeze", inputs: ["x"], outputs: ["o"], attributes: ["axes": .ints([0])])])
    let new = try upgraded(node("If", ["x"], ["then_branch": .graph(branch)]), from: 11, to: 13)
    guard case .graph(let inner)? = new.nodes[0].attributes["then_branch"] else {
      Issue.record("no branch")
      return
    }
    #expect(inner.initializers[inner.nodes[0].inputs[1]] == Tensor([0] as [Int64]))
    #expect(new.initializers.isEmpty)
  }

  @Test func whatIsNewEnoughStays() throws {
    let old = Graph(opsets: ["": 21])
    #expect(try old.upgraded(toOpset: 13) == old)
    let error = #expect(throws: GraphError.self) {
      try Graph(opsets: ["": 6]).upgraded(toOpset: 13)
    }
    #expect(
      error?.description == "operator set 6 is too old to be upgraded: 7 is the oldest")
  }

  @Test func renamedOperatorsAndDefaults() throws {
    #expect(
      try upgraded(node("Scatter"), from: 9, to: 13).nodes[0].operatorType == "ScatterElements")
    #expect(
      try upgraded(node("RoiAlign"), from: 10, to: 16).nodes[0].attributes
        == ["coordinate_transformation_mode": .string("output_half_pixel")])
    #expect(
      try upgraded(node("GridSample", ["x"], ["mode": .string("bicubic")]), from: 16, to: 20)
        .nodes[0].attributes == ["mode": .string("cubic")])
    #expect(
      try constants(upgraded(node("DFT"), from: 17, to: 20)) == [nil, Tensor(scalar: 1 as Int64)])
    #expect(
      message { try upgraded(node("GroupNormalization"), from: 18, to: 21) }.contains(
        "node 'n' (GroupNormalization)"))
  }
}
