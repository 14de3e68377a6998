import Graph
import PostTraining
import Tensors
import TestNetworks
import Testing

@Suite struct PlannerTests {
  func decision(_ plan: QuantizationPlan, _ name: String) -> NodeDecision? {
    plan.graph.nodes.firstIndex { $0.name == name }.map { plan.decisions[$0] }
  }

  @Test func quantizesAResidualNetworkThroughout() throws {
    let plan = try QuantizationPlan(residualNetwork(), settings: settings())
    #expect(decision(plan, "stem") == .quantized)
    #expect(decision(plan, "relu1") == .fusedIntoQuantizer(of: "b"))
    #expect(decision(plan, "add") == .quantized)
    #expect(decision(plan, "relu2") == .fusedIntoQuantizer(of: "e"))
    #expect(decision(plan, "pool") == .passesThrough)
    #expect(decision(plan, "flatten") == .passesThrough)
    #expect(decision(plan, "head") == .quantized)
    #expect(plan.floatNodes.isEmpty)
    // Between the convolution and its Relu there is no quantizer, and none behind the last layer.
    #expect(Set(plan.values.keys) == ["x", "b", "c", "e", "f", "g"])
  }

  @Test func sharesOneQuantizerWhereValuesOnlyMove() throws {
    let plan = try QuantizationPlan(residualNetwork(), settings: settings())
    #expect(plan.values["f"]?.group == plan.values["e"]?.group)
    #expect(plan.values["g"]?.group == plan.values["e"]?.group)
    #expect(plan.values["g"]?.rangeSources == ["e"])
    #expect(plan.values["c"]?.group != plan.values["b"]?.group)
  }

  @Test func givesConcatenatedValuesOneQuantizer() throws {
    var graph = residualNetwork()
    graph.nodes[3] = Node(
      name: "cat", "Concat", inputs: ["c", "b"], outputs: ["d"], attributes: ["axis": .int(1)])
    graph.initializers["head.w"] = weights([10, 8 * 4 * 4])
    // The Relu behind it is fused, and the quantizer there is one of its own.
    let plan = try QuantizationPlan(graph, settings: settings())
    #expect(decision(plan, "cat") == .quantized)
    #expect(plan.values["c"]?.group != plan.values["e"]?.group)

    // Without the Relu, codes go on to the pool.
    graph.nodes[4].operatorType = "Identity"
    let through = try QuantizationPlan(graph, settings: settings())
    #expect(decision(through, "cat") == .quantized)
    // `c` is read by the concatenation alone; `b` also by a convolution and keeps its own.
    #expect(through.values["c"]?.group == through.values["d"]?.group)
    #expect(through.values["b"]?.group != through.values["d"]?.group)
  }

  @Test func keepsFirstAndLastLayersAt256Levels() throws {
    let plan = try QuantizationPlan(
      residualNetwork(), settings: settings(weights: 16, activations: 16) { $0.borderLevels = 256 })
    let levels = Dictionary(
      uniqueKeysWithValues: plan.weights.map { (plan.graph.nodes[$0.key].name, $0.value.levels) })
    #expect(levels == ["stem": 256, "body": 16, "head": 256])
    #expect(plan.values["x"]?.levels == 256)
    #expect(plan.values["b"]?.levels == 16)
    // Only the addition reads `c`: no low-bit product needs it coarse.
    #expect(plan.values["c"]?.levels == 256)
  }

  @Test func filtersLeaveNodesInFloatAndSayWhy() throws {
    let skipped = try QuantizationPlan(
      residualNetwork(), settings: settings { $0.skip = [NodePattern("op:Gemm")] })
    #expect(decision(skipped, "head") == .float(reason: "left in float by the pattern 'op:Gemm'"))
    let only = try QuantizationPlan(
      residualNetwork(), settings: settings { $0.only = [NodePattern("st*")] })
    #expect(decision(only, "stem") == .quantized)
    #expect(decision(only, "body") == .float(reason: "is not among the nodes asked for"))
    let rule = try QuantizationPlan(
      residualNetwork(),
      settings: settings { $0.layers = [LayerRule(NodePattern("body"), weightLevels: 23)] })
    #expect(Set(rule.weights.values.map(\.levels)) == [256, 23])
  }

  @Test func refusesAPatternThatMatchesNothing() {
    let error = #expect(throws: SettingsError.self) {
      try QuantizationPlan(
        residualNetwork(), settings: settings { $0.skip = [NodePattern("stam*")] })
    }
    #expect(error?.description == "the pattern 'stam*' matches no node of the model")
  }

  @Test(arguments: [0, 1, 257, 70000])
  func refusesLevelCountsOutOfRange(levels: Int) {
    #expect(throws: SettingsError.self) {
      try QuantizationPlan(residualNetwork(), settings: settings(weights: levels))
    }
  }

  @Test func everyNodeInFloatHasAReason() throws {
    var graph = residualNetwork()
    graph.nodes[4].operatorType = "Tanh"
    graph.nodes[1] = Node(
      name: "relu1", "Clip", inputs: ["a", "", "x.max"], outputs: ["b"])
    graph.inputs.append(ValueInfo(name: "x.max", elementType: .float32, shape: []))
    let plan = try QuantizationPlan(graph, settings: settings())
    let reasons = Dictionary(
      uniqueKeysWithValues: plan.floatNodes.map { ($0.node.name, $0.reason) })
    #expect(reasons["relu2"] == "Tanh has no integer kernel")
    #expect(reasons["relu1"] != nil)
    #expect(plan.floatNodes.allSatisfy { !$0.reason.isEmpty })
  }

  @Test func globsMatchAsGlobs() {
    let node = Node(name: "/1/block.2/conv;x", "Conv", inputs: [], outputs: ["o"])
    for pattern in ["*", "/1/*", "*conv;?", "/?/block.2/conv;x", "op:Conv", "op:C*", "*b*2*x"] {
      #expect(NodePattern(pattern).matches(node), "\(pattern)")
    }
    for pattern in ["", "/1/", "conv", "op:conv", "op:Con", "*y", "/1/block?2/con;x"] {
      #expect(!NodePattern(pattern).matches(node), "\(pattern)")
    }
  }

  @Test func layerRulesAreParsedFromTheirLastColon() throws {
    #expect(
      try LayerRule(parsing: "op:Conv:w4a8")
        == LayerRule(NodePattern("op:Conv"), weightLevels: 16, activationLevels: 256))
    #expect(
      try LayerRule(parsing: "Relu:0/x:23x19")
        == LayerRule(NodePattern("Relu:0/x"), weightLevels: 23, activationLevels: 19))
    #expect(
      try LayerRule(parsing: "head:group:32")
        == LayerRule(NodePattern("head"), granularity: .group(32)))
    #expect(
      try LayerRule(parsing: "head:w=23,a=256")
        == LayerRule(NodePattern("head"), weightLevels: 23, activationLevels: 256))
    for wrong in ["head", "head:", ":float", "head:w99", "head:fast", "op:float"] {
      #expect(throws: SettingsError.self, "\(wrong)") { try LayerRule(parsing: wrong) }
    }
  }
}
