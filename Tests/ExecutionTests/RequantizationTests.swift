import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Quantization
import Tensors
import Testing

@testable import Execution

/// The named ways from sums to codes, in single operators against numbers written out here, and in
/// whole networks on every device.
@Suite struct RequantizationTests {
  private static let modes: [Requantization] = [.float, .fixedPoint, .round, .sadl]

  /// A graph of `int8` codes in units of powers of two, zero at 0: `floats` makes nodes of the dequantized
  /// inputs `a`, `b`, ... and names the float that is quantized.
  private func codes(
    _ mode: Requantization, _ inputs: [(codes: [Int8], exponent: Int)], shape: [Int],
    result exponent: Int, _ floats: (inout Graph) -> String
  ) throws -> [Int8] {
    var graph = Graph(opsets: ["": 21])
    graph.metadata[Requantization.metadataKey] = mode.rawValue
    graph.initializers["zero"] = Tensor(scalar: Int8(0))
    func scale(_ name: String, _ exponent: Int) -> String {
      graph.initializers[name] = Tensor(
        scalar: Float(sign: .plus, exponent: exponent, significand: 1))
      return name
    }
    var tensors: [String: Tensor] = [:]
    for (name, input) in zip(["a", "b"], inputs) {
      graph.inputs.append(
        ValueInfo(name: "\(name)_q", elementType: .int8, shape: shape.map { .fixed($0) }))
      tensors["\(name)_q"] = Tensor(input.codes, shape: shape)
      graph.nodes.append(
        Node(
          "DequantizeLinear", inputs: ["\(name)_q", scale("\(name)_s", input.exponent), "zero"],
          outputs: [name]))
    }
    let float = floats(&graph)
    graph.nodes.append(
      Node(
        "QuantizeLinear", inputs: [float, scale("y_s", exponent), "zero"], outputs: ["y"]))
    graph.outputs = [ValueInfo(name: "y", elementType: .int8)]
    let network = try IntegerNetwork(graph)
    #expect(network.requantization == mode && network.islands == [])
    let executor = try Executor(network.graph, on: ReferenceBackend.shared)
    return try #require(try executor.run(tensors)["y"]).array(of: Int8.self)
  }

  // Sums 2x and 9x in quarters of the result's unit: SADL's Conv2D with a shift of 2.
  @Test(
    arguments: [
      (.float, [-2, 0, 0, 0, 1, 2, -32, 50], [-7, -2, 0, 2, 4, 11, -128, 127]),
      (.fixedPoint, [-1, 0, 0, 1, 1, 3, -32, 50], [-7, -2, 0, 2, 5, 11, -128, 127]),
      (.round, [-1, 0, 0, 1, 1, 3, -32, 50], [-7, -2, 0, 2, 5, 11, -128, 127]),
      (.sadl, [-2, -1, 0, 0, 1, 2, -32, 50], [-7, -3, 0, 2, 4, 11, -127, 127]),
    ] as [(Requantization, [Int8], [Int8])])
  func convolutions(mode: Requantization, first: [Int8], second: [Int8]) throws {
    let result = try codes(
      mode, [([-3, -1, 0, 1, 2, 5, -64, 100], -2)], shape: [1, 1, 1, 8], result: -1
    ) { graph in
      graph.initializers["w_q"] = Tensor([2, 9] as [Int8], shape: [2, 1, 1, 1])
      graph.initializers["w_s"] = Tensor(scalar: Float(0.5))
      graph.nodes += [
        Node("DequantizeLinear", inputs: ["w_q", "w_s"], outputs: ["w"]),
        Node("Conv", inputs: ["a", "w"], outputs: ["c"]),
      ]
      return "c"
    }
    #expect(result == first + second)
  }

  /// SADL's accumulators wrap at 32 bits. Sums of 140,000 products, written out modulo 2^32:
  /// 127 * 127 * 140,000 = 2,258,060,000 is -2,036,907,296 and gives -122 behind a shift of 24, its
  /// negative 2,036,907,296 gives 121, half of it 1,129,030,000 gives 67; two thirds, 93,333 products,
  /// are 1,505,367,957 and give 89.
  @Test func sumsOfSADLWrap() throws {
    let count = 140_000
    func weights(_ body: (Int) -> Int8) -> [Int8] { (0..<count).map(body) }
    let filters: [[Int8]] = [
      weights { _ in 127 }, weights { _ in -127 }, weights { $0 < count / 2 ? 127 : 0 },
      weights { $0 < 93_333 ? 127 : 0 }, weights { $0 % 2 == 0 ? 127 : -127 },
    ]
    var graph = Graph(opsets: ["": 21])
    graph.metadata[Requantization.metadataKey] = Requantization.sadl.rawValue
    graph.initializers = [
      "zero": Tensor(scalar: Int8(0)), "x_s": Tensor(scalar: Float(0x1p-4)),
      "w_s": Tensor(scalar: Float(0x1p-7)), "y_s": Tensor(scalar: Float(0x1p13)),
      "w_q": Tensor(filters.flatMap { $0 }, shape: [filters.count, count, 1, 1]),
    ]
    graph.inputs = [
      ValueInfo(
        name: "x_q", elementType: .int8, shape: [.fixed(1), .fixed(count), .fixed(1), .fixed(1)])
    ]
    graph.nodes = [
      Node("DequantizeLinear", inputs: ["x_q", "x_s", "zero"], outputs: ["x"]),
      Node("DequantizeLinear", inputs: ["w_q", "w_s"], outputs: ["w"]),
      Node("Conv", inputs: ["x", "w"], outputs: ["c"]),
      Node("QuantizeLinear", inputs: ["c", "y_s", "zero"], outputs: ["y"]),
    ]
    graph.outputs = [ValueInfo(name: "y", elementType: .int8)]
    let network = try IntegerNetwork(graph)
    let input = ["x_q": Tensor(repeating: Int8(127), shape: [1, count, 1, 1])]
    let golden: [Int8] = [-122, 121, 67, 89, 0]
    let reference = try Executor(network.graph, on: ReferenceBackend.shared).run(input)
    #expect(reference["y"]?.array(of: Int8.self) == golden)
    for device in (try? Device.all()) ?? [] {
      let found = try Executor(network.graph, on: try OpenCLBackend(device)).run(input)
      #expect(found["y"]?.array(of: Int8.self) == golden)
    }
  }

  // a in eighths, b in halves, the sum in quarters: (a + 4b) / 2; SADL: ((a >> 2) + b) << 1.
  @Test(
    arguments: [
      (.float, [-2, 2, -2, 10, 127]), (.fixedPoint, [-1, 3, -1, 10, 127]),
      (.round, [-1, 3, -1, 10, 127]), (.sadl, [-2, 2, -2, 8, 127]),
    ] as [(Requantization, [Int8])])
  func sums(mode: Requantization, expected: [Int8]) throws {
    let result = try codes(
      mode, [([-3, 1, 5, 7, 100], -3), ([0, 1, -2, 3, 100], -1)], shape: [1, 5, 1, 1], result: -2
    ) { graph in
      graph.nodes.append(Node("Add", inputs: ["a", "b"], outputs: ["c"]))
      return "c"
    }
    #expect(result == expected)
  }

  // a b / 4: SADL's Mul with a shift of 2.
  @Test(
    arguments: [
      (.float, [-2, 0, -2, 5, -128]), (.fixedPoint, [-1, 1, -2, 5, -128]),
      (.round, [-1, 1, -2, 5, -128]), (.sadl, [-2, 0, -3, 5, -127]),
    ] as [(Requantization, [Int8])])
  func products(mode: Requantization, expected: [Int8]) throws {
    let result = try codes(
      mode, [([-3, 1, 5, 7, 100], -3), ([2, 2, -2, 3, -100], -1)], shape: [1, 5, 1, 1], result: -2
    ) { graph in
      graph.nodes.append(Node("Mul", inputs: ["a", "b"], outputs: ["c"]))
      return "c"
    }
    #expect(result == expected)
  }

  // Means of pairs, -1.5, 0.5, 2, -2.5 steps; of all eight, -0.375 of a step.
  @Test(
    arguments: [
      (.float, [-2, 0, 2, -2], 0), (.fixedPoint, [-1, 1, 2, -2], 0), (.round, [-1, 1, 2, -2], 0),
      (.sadl, [-2, 0, 2, -3], -1),
    ] as [(Requantization, [Int8], Int8)])
  func averages(mode: Requantization, pairs: [Int8], whole: Int8) throws {
    let x: [Int8] = [-3, 0, 1, 0, 5, -1, -2, -3]
    let result = try codes(mode, [(x, -2)], shape: [1, 1, 1, 8], result: -2) { graph in
      graph.nodes.append(
        Node(
          "AveragePool", inputs: ["a"], outputs: ["c"],
          attributes: ["kernel_shape": .ints([1, 2]), "strides": .ints([1, 2])]))
      return "c"
    }
    #expect(result == pairs)
    let mean = try codes(mode, [(x, -2)], shape: [1, 1, 1, 8], result: -2) { graph in
      graph.nodes.append(Node("GlobalAveragePool", inputs: ["a"], outputs: ["c"]))
      return "c"
    }
    #expect(mean == [whole])
  }

  // Halves of the result's unit, and a slope of a quarter below zero.
  @Test(
    arguments: [
      (.float, [-2, 0, 0, 2], [0, 0, 0, 2]), (.fixedPoint, [-1, 0, 1, 2], [0, 0, 1, 2]),
      (.round, [-1, 0, 1, 2], [0, 0, 1, 2]), (.sadl, [-2, -1, 0, 1], [-1, -1, 0, 1]),
    ] as [(Requantization, [Int8], [Int8])])
  func tables(mode: Requantization, plain: [Int8], bent: [Int8]) throws {
    let x: [Int8] = [-3, -1, 1, 3]
    let same = try codes(mode, [(x, -3)], shape: [1, 4], result: -2) { graph in
      graph.nodes.append(Node("Flatten", inputs: ["a"], outputs: ["c"]))
      return "c"
    }
    #expect(same == plain)
    let leaky = try codes(mode, [(x, -3)], shape: [1, 4], result: -2) { graph in
      graph.nodes.append(
        Node("LeakyRelu", inputs: ["a"], outputs: ["c"], attributes: ["alpha": .float(0.25)]))
      return "c"
    }
    #expect(leaky == bent)
  }

  // MARK: Networks

  private func mixed(
    _ mode: Requantization, seed: UInt64, levels: Int, type: ElementType = .uint8
  ) -> QuantizedGraphBuilder {
    var builder = QuantizedGraphBuilder.mixed(
      seed: seed, type: type, levels: levels, powersOfTwo: mode != .fixedPoint,
      isSymmetric: mode == .sadl)
    builder.graph.metadata[Requantization.metadataKey] = mode.rawValue
    return builder
  }

  /// Every device computes the reference's integers, and nothing but integers.
  @Test(arguments: modes, [256, 16, 23])
  func networksAreTheSameEverywhere(mode: Requantization, levels: Int) throws {
    let devices = (try? Device.all()) ?? []
    for (seed, type) in [(1, ElementType.uint8), (2, .int8)] {
      var builder = mixed(mode, seed: UInt64(seed), levels: levels, type: type)
      let input = builder.sample([2, 3, 8, 8])
      let network = try IntegerNetwork(builder.graph)
      #expect(network.islands == [])
      let rounding = ["float", "integer", "shift", "floorShift"][Self.modes.firstIndex(of: mode)!]
      #expect(
        network.graph.nodes.filter { $0.operatorType == "ConvolvePacked" }
          .allSatisfy { $0.attributes["rounding"] == .string(rounding) })
      let expected = try Executor(network.graph, on: ReferenceBackend.shared).run(["x": input])
      for device in devices {
        let backend = try OpenCLBackend(device)
        #expect(try Executor(network.graph, on: backend).run(["x": input]) == expected)
        #expect(backend.hostOperations == [:])
      }
    }
  }

  /// Where scales are powers of two, multipliers of 31 bits are shifts.
  @Test(arguments: [256, 16, 4]) func fixedPointIsRoundForPowersOfTwo(levels: Int) throws {
    for seed in 1...4 {
      var builder = mixed(.round, seed: UInt64(seed), levels: levels)
      let input = builder.sample([2, 3, 8, 8])
      let results = try [Requantization.round, .fixedPoint].map { mode in
        builder.graph.metadata[Requantization.metadataKey] = mode.rawValue
        return try Executor(IntegerNetwork(builder.graph).graph, on: ReferenceBackend.shared)
          .run(["x": input])
      }
      #expect(results[0] == results[1])
    }
  }

  // MARK: Refusals

  private func refusal(_ graph: Graph) -> String {
    do {
      _ = try IntegerNetwork(graph)
      return ""
    } catch { return "\(error)" }
  }

  @Test func modelsThatTheArithmeticCannotComputeAreRefused() throws {
    var real = QuantizedGraphBuilder.mixed(seed: 1)
    real.graph.metadata[Requantization.metadataKey] = "round"
    #expect(
      refusal(real.graph).hasPrefix("node 'stem' (QLinearConv): requantization 'round': the "))
    #expect(refusal(real.graph).hasSuffix("is no power of two"))

    var affine = QuantizedGraphBuilder.mixed(seed: 1, powersOfTwo: true)
    affine.graph.metadata[Requantization.metadataKey] = "sadl"
    #expect(refusal(affine.graph).contains("symmetric ones are needed"))

    var fine = QuantizedGraphBuilder(seed: 4)
    fine.usesPowersOfTwo = true
    fine.input("x", [1, 2, 4, 4])
    let x = fine.quantize("x", exponent: 3)
    fine.output(
      fine.quantize(fine.convolution("layer", x, [3, 2, 3, 3]), exponent: -6), .uint8)
    fine.graph.metadata[Requantization.metadataKey] = "round"
    #expect(refusal(fine.graph).contains("'layer'") && refusal(fine.graph).contains("to the left"))

    fine.graph.metadata[Requantization.metadataKey] = "rounded"
    #expect(
      refusal(fine.graph)
        == "the metadata entry 'qtool.requantization' is 'rounded'; known are 'float', "
        + "'fixed-point', 'round', 'sadl'")
  }

  @Test func sumsThatNeedMoreThan32BitsAreRefused() throws {
    var builder = QuantizedGraphBuilder(seed: 4)
    builder.usesPowersOfTwo = true
    builder.input("x", [1, 2, 1, 1])
    let x = builder.quantize("x", exponent: -4)
    builder.output(
      builder.quantize(builder.convolution("layer", x, [3, 2, 1, 1]), exponent: -4), .uint8)
    builder.graph.initializers["layer_b"] = Tensor([0, Int32.max, 0])
    for (name, isRefused) in [("float", false), ("fixed-point", true), ("round", true)] {
      builder.graph.metadata[Requantization.metadataKey] = name
      #expect(refusal(builder.graph).contains("filter 1 needs 33 bits") == isRefused)
    }
  }

  @Test func modelsThatDoNotSayAreONNXRuntimes() throws {
    var graph = Graph(opsets: ["": 21])
    #expect(try graph.requantization() == .float)
    graph.metadata[Requantization.metadataKey] = "half-even float multiplier"
    #expect(try graph.requantization() == .float)
  }
}
