import Graph
import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

@Suite struct EmissionTests {
  @Test func integerConvolutionsForONNXRuntime() throws {
    let graph = try quantized(residualNetwork(), settings()).graph()
    #expect(graph.opsets[""] == 13)
    #expect(graph.node("relu1") == nil)
    let body = try #require(graph.node("body"))
    #expect(body.inputs.count == 3)
    for input in body.inputs {
      #expect(graph.writer(of: input)?.operatorType == "DequantizeLinear")
    }
    // DequantizeLinear -> Conv -> QuantizeLinear, and nothing between.
    #expect(graph.reader(of: body.outputs[0])?.operatorType == "QuantizeLinear")
    let weights = try #require(graph.writer(of: body.inputs[1]))
    #expect(graph.initializers[weights.inputs[0]]?.elementType == .int8)
    #expect(graph.initializers[weights.inputs[1]]?.shape == [4])
    let bias = try #require(graph.writer(of: body.inputs[2]))
    #expect(graph.initializers[bias.inputs[0]]?.elementType == .int32)
    #expect(graph.inputs.map(\.name) == ["x"] && graph.outputs.map(\.name) == ["y"])
    #expect(graph.inputs[0].shape?.first == .symbolic("N"))
  }

  @Test func subByteWeightsArePackedAndCast() throws {
    for (levels, type, opset) in [(16, ElementType.int4, 21), (13, .int4, 21), (4, .int2, 25)] {
      let graph = try quantized(residualNetwork(), settings(weights: levels)).graph()
      #expect(graph.opsets[""] == opset)
      let weights = try #require(graph.writer(of: graph.node("body")!.inputs[1]))
      let cast = try #require(graph.writer(of: weights.inputs[0]))
      #expect(cast.operatorType == "Cast")
      #expect(graph.initializers[cast.inputs[0]]?.elementType == type)
      #expect(graph.initializers[weights.inputs[2]]?.elementType == .int8)
    }
  }

  @Test func theQDQTargetDequantizesSubByteWeightsDirectly() throws {
    let graph = try quantized(
      residualNetwork(), settings(weights: 16, activations: 16, target: .qdq)
    ).graph()
    let weights = try #require(graph.writer(of: graph.node("body")!.inputs[1]))
    #expect(graph.initializers[weights.inputs[0]]?.elementType == .int4)
    #expect(graph.census["Cast"] == nil)
    // Operators between stay for pattern matchers, and uint4 needs no Clip.
    #expect(graph.node("relu1") != nil)
    #expect(graph.census["Clip"] == nil)
    let data = try #require(graph.writer(of: graph.node("body")!.inputs[0]))
    #expect(graph.initializers[data.inputs[2]]?.elementType == .uint4)
  }

  /// ONNX Runtime drops a Clip before QuantizeLinear only where the quantizer cuts off as much.
  @Test func quantizersStayWithinTheClipsThatTheQDQTargetKeeps() throws {
    var graph = residualNetwork()
    graph.initializers["low"] = Tensor(scalar: Float(0))
    graph.initializers["high"] = Tensor(scalar: Float(6))
    graph.nodes[1] = Node(name: "clip", "Clip", inputs: ["a", "low", "high"], outputs: ["b"])
    func scale(_ levels: Int, _ target: Target) throws -> (Float, execution: String?) {
      // A range that reaches a little further, as searches may find one.
      let model = try quantized(
        graph, settings(activations: levels, target: target), ranges: ["b": 0...6.05])
      let report = model.report(original: 0, written: 0, histograms: [:], sampleCount: 100)
      let stem = report.layers.first { $0.name == "stem" }
      return (model.plan.values["b"]!.quantizer!.scale, stem?.execution)
    }
    let kept = try scale(256, .qdq)
    #expect(kept.0 * 255 <= 6 && kept.0.nextUp * 255 > 6 && kept.execution == "QLinearConv")
    let fused = try scale(256, .ortCPU)
    #expect(fused == (6.05 / 255, "QLinearConv"))
    // Codes of 23 levels are stored in a type that reaches far beyond.
    let few = try scale(23, .qdq)
    #expect(few.0 == 6.05 / 22 && few.execution?.contains("the Clip behind it") == true)
  }

  @Test func levelsBelowTheTypesAreClippedOnCodes() throws {
    let graph = try quantized(residualNetwork(), settings(activations: 23)).graph()
    let data = try #require(graph.writer(of: graph.node("body")!.inputs[0]))
    let clip = try #require(graph.writer(of: data.inputs[0]))
    #expect(clip.operatorType == "Clip")
    #expect(graph.writer(of: clip.inputs[0])?.operatorType == "QuantizeLinear")
    #expect(graph.initializers[clip.inputs[1]]?.array(of: UInt8.self) == [6])
    #expect(graph.initializers[clip.inputs[2]]?.array(of: UInt8.self) == [22])
  }

  @Test func aFusedReluIsTheLowerBoundOfTheCodes() throws {
    // The range of b reaches below zero, so the quantizer alone does not do what Relu did.
    let model = try quantized(residualNetwork(), settings())
    let graph = try model.graph()
    let zeroPoint = try #require(model.plan.values["b"]?.quantizer?.zeroPoint)
    #expect(zeroPoint == 64)
    let data = try #require(graph.writer(of: graph.node("body")!.inputs[0]))
    let clip = try #require(graph.writer(of: data.inputs[0]))
    #expect(graph.initializers[clip.inputs[1]]?.array(of: UInt8.self) == [64])
    // With a range from zero it does.
    let plain = try quantized(residualNetwork(), settings(), ranges: ["b": 0...3]).graph()
    let source = try #require(plain.writer(of: plain.node("body")!.inputs[0]))
    #expect(plain.writer(of: source.inputs[0])?.operatorType == "QuantizeLinear")
  }

  @Test func aFusedClipIsTheUpperBoundOfTheCodes() throws {
    var graph = residualNetwork()
    graph.initializers["zero"] = Tensor(scalar: Float(0))
    graph.initializers["six"] = Tensor(scalar: Float(6))
    graph.nodes[1] = Node(name: "relu6", "Clip", inputs: ["a", "zero", "six"], outputs: ["b"])
    let written = try quantized(graph, settings(), ranges: ["b": 0...12]).graph()
    let data = try #require(written.writer(of: written.node("body")!.inputs[0]))
    let clip = try #require(written.writer(of: data.inputs[0]))
    // 6 of 12 over 255 steps: 127.5 lies half-way and goes to the even code.
    #expect(written.initializers[clip.inputs[2]]?.array(of: UInt8.self) == [128])
  }

  @Test func wideActivationsUse16Bits() throws {
    let graph = try quantized(residualNetwork(), settings(activations: 65536)).graph()
    #expect(graph.opsets[""] == 21)
    let data = try #require(graph.writer(of: graph.node("body")!.inputs[0]))
    #expect(graph.initializers[data.inputs[2]]?.elementType == .uint16)
  }

  @Test(arguments: [2, 3, 4, 5, 16, 23, 100, 255, 256])
  func weightsHaveExactlyTheirLevels(levels: Int) throws {
    let model = try quantized(residualNetwork(), settings(weights: levels))
    for weights in model.weights.values {
      let codes = weights.codes.array(of: Int8.self).map(Int.init)
      let lowest = -(levels / 2)
      #expect(codes.allSatisfy { (lowest..<(lowest + levels)).contains($0) })
      #expect(Set(codes).count <= levels)
      #expect(weights.codes.elementType.integerRange!.contains(lowest))
    }
  }

  @Test func outputsKeepTheirNamesWhenTheyAreQuantized() throws {
    var graph = residualNetwork()
    graph.nodes = Array(graph.nodes.prefix(3))
    graph.outputs = [value("c", [4, 8, 8])]
    let written = try quantized(graph, settings()).graph()
    #expect(written.writer(of: "c")?.operatorType == "DequantizeLinear")
    #expect(try written.sortedNodes().count == written.nodes.count)
  }

  @Test func theOperatorTargetComputesOnCodes() throws {
    let graph = try quantized(residualNetwork(), settings(target: .qoperator)).graph()
    #expect(graph.census["QLinearConv"] == 2)
    #expect(graph.census["QLinearAdd"] == 1)
    #expect(graph.census["QGemm"] == 1)
    #expect(graph.census["QuantizeLinear"] == 1)
    #expect(graph.census["DequantizeLinear"] == nil)
    #expect(graph.opsets["com.microsoft"] == 1)
    #expect(graph.node("pool")?.inputs.first?.contains("quantized") == true)
    #expect(try graph.sortedNodes().count == graph.nodes.count)
  }

  @Test func groupsAlongTheInputsHaveTheirOwnScales() throws {
    let graph = try quantized(
      residualNetwork(), settings(weights: 16) { $0.granularity = .group(5) }
    ).graph()
    let reshape = try #require(graph.writer(of: graph.node("body")!.inputs[1]))
    #expect(reshape.operatorType == "Reshape")
    let blocks = try #require(graph.writer(of: reshape.inputs[0]))
    #expect(graph.initializers[blocks.inputs[1]]?.shape == [4, 8])
    guard case .int(5)? = blocks.attributes["block_size"] else {
      Issue.record("no block size")
      return
    }
  }

  @Test func theModelSaysHowItWasQuantized() throws {
    let graph = try quantized(residualNetwork(), settings(weights: 23, activations: 19)).graph()
    #expect(graph.metadata["qtool.levels"] == "stem=23x19\nbody=23x19\nhead=23x19")
    #expect(graph.metadata["qtool.requantization"] == "float")
    #expect(graph.metadata["qtool.settings"]?.contains("weight-levels=23") == true)
  }

  @Test(arguments: [Requantization.fixedPoint, .round, .sadl])
  func theArithmeticIsWrittenIntoTheModel(mode: Requantization) throws {
    let model = try quantized(
      residualNetwork(),
      settings {
        $0.requantization = mode
        if mode.needsPowersOfTwo { $0.scales = .powerOfTwo }
      }, ranges: ["x": -0.7...1.9, "c": -3...1])
    #expect(try model.graph().requantization() == mode)
    #expect(model.settings.summary.contains("requantization=\(mode.rawValue)"))
    for (name, value) in model.plan.values {
      let quantizer = try #require(value.quantizer)
      if mode.needsPowersOfTwo { #expect(quantizer.scale.significand == 1) }
      // Codes lie on one side of zero, or on both alike.
      if mode == .sadl {
        #expect([0, quantizer.levels / 2].contains(quantizer.zeroPoint), "\(name)")
      }
    }
  }

  @Test func shiftsNeedPowersOfTwo() {
    for mode in Requantization.allCases {
      let settings = settings { $0.requantization = mode }
      if mode.needsPowersOfTwo {
        #expect(throws: SettingsError.self) { try settings.validate() }
      } else {
        #expect(throws: Never.self) { try settings.validate() }
      }
    }
  }
}
