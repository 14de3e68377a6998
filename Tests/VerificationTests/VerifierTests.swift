import Execution
import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing
import Verification

/// What is proven of quantized models, of every kind that is written, on every engine that is there.
@Suite struct VerifierTests {
  /// Settings by every target and arithmetic.
  private static let kinds: [QuantizationSettings] =
    [Target.ortCPU, .qdq, .qoperator].flatMap { target in
      [256, 16, 4].map { settings(weights: $0, target: target) }
    }
    + Requantization.allCases.map { mode in
      settings { ($0.scales, $0.requantization) = (.powerOfTwo, mode) }
    } + [settings(activations: 23) { $0.granularity = .tensor }]

  /// Every accumulator reaches both ends of its interval, on every engine, and no farther.
  @Test(arguments: kinds) func adversarialInputsReachTheBounds(
    settings: QuantizationSettings
  ) throws {
    let graph = try quantized(Networks.mixed, settings)
    let verifier = try Verifier(graph)
    for engine in try Self.engines() {
      let proof = try prove(verifier, on: engine)
      #expect(proof.failures == [])
      #expect(proof.accumulatorBits == 32 && proof.widthFrom == "standard")
      #expect(proof.layers.map(\.name) == ["stem", "deep", "groups", "head"])
      #expect(proof.layers.map(\.terms) == [27, 9, 12, 72])
      for layer in proof.layers {
        let run = try #require(layer.adversarial)
        #expect(run.boundsReached == 2 * layer.filters.count && run.bounds == run.boundsReached)
        #expect(run.engines == (engine is ReferenceBackend ? 1 : 2))
      }
    }
  }

  /// The reference and every device.
  private static func engines() throws -> [any Backend] {
    try [ReferenceBackend.shared] + Device.all().map { try OpenCLBackend($0) }
  }

  /// Proves and runs, and expects more than `values` values to be compared on a device.
  private func prove<B: Backend>(
    _ verifier: Verifier, on backend: B, values: Int = 8
  ) throws -> ModelProof {
    let proof = try verifier.proof(running: backend, runs: 2, extents: ["N": 2])
    if !(backend is ReferenceBackend) {
      #expect(proof.network?.inputs == 2 && (proof.network?.values ?? 0) > values)
    }
    return proof
  }

  /// Behind a Relu the graph proves that codes begin at zero; the interval is of these.
  @Test func inputsAreThoseThatTheGraphProves() throws {
    let few = settings(activations: 16) { $0.borderLevels = nil }
    let proof = try Verifier(try quantized(Networks.mixed, few)).proof()
    let deep = try #require(proof.layers.first { $0.name == "deep" })
    #expect(deep.inputCodes == [0, 15])
    let byte = try Verifier(try quantized(Networks.mixed, settings())).proof()
    let wide = try #require(byte.layers.first { $0.name == "deep" })
    #expect(wide.inputCodes == [0, 255] && (wide.neededBits ?? 0) > (deep.neededBits ?? 99))
  }

  @Test func productsOfTwoComputedFactorsAreDriven() throws {
    let proof = try Verifier(try quantized(Networks.attention, settings()))
      .proof(running: ReferenceBackend.shared)
    #expect(proof.failures == [])
    let product = try #require(proof.layers.last)
    #expect(product.name == "product" && product.terms == 8 && product.filters.count == 1)
    #expect(product.adversarial?.boundsReached == 2)
    // Codes of -2...2 lie about 128.
    #expect(product.filters[0].sum[1] == 8 * 128 * 128)
  }

  /// `com.microsoft`'s QGemm of two computed matrices of `uint8` codes about 128, `[5, 3]` transposed and
  /// `[5, 2]`, and a bias.
  private func product(_ bias: Tensor?) -> Graph {
    var graph = Graph(
      opsets: ["": 17, "com.microsoft": 1],
      inputs: [
        ValueInfo(name: "a", elementType: .uint8, shape: [.fixed(5), .fixed(3)]),
        ValueInfo(name: "b", elementType: .uint8, shape: [.fixed(5), .fixed(2)]),
      ], outputs: [ValueInfo(name: "y", elementType: .uint8)])
    graph.initializers = [
      "scale": Tensor(scalar: Float(0.5)), "zero": Tensor(scalar: UInt8(128)),
    ]
    graph.initializers["bias"] = bias
    if bias == nil {
      graph.inputs.append(ValueInfo(name: "bias", elementType: .int32, shape: [.fixed(2)]))
    }
    graph.nodes = [
      Node(
        name: "product", "QGemm", domain: "com.microsoft",
        inputs: ["a", "scale", "zero", "b", "scale", "zero", "bias", "scale", "zero"],
        outputs: ["y"], attributes: ["transA": .int(1)])
    ]
    return graph
  }

  /// A transposed factor is summed over its first dimension, and a constant bias is in the interval.
  @Test func productsOfComputedFactorsCountTermsAndBias() throws {
    let verifier = try Verifier(product(Tensor([Int32(1000), -70_000])))
    for engine in try Self.engines() {
      let proof = try prove(verifier, on: engine, values: 0)
      #expect(proof.failures == [])
      let layer = try #require(proof.layers.first)
      #expect(layer.terms == 5)
      let (low, high) = (5 * 128 * -127, 5 * 128 * 128)
      let sums = [[1000 + low, 1000 + high], [low - 70_000, high - 70_000]]
      #expect(layer.filters.map(\.sum) == sums)
      #expect(layer.filters.map(\.anyOrder) == [[low, 1000 + high], [low - 70_000, high]])
      #expect(layer.adversarial?.boundsReached == 4 && layer.adversarial?.bounds == 4)
    }
  }

  /// No bound is known of a sum to which data are added.
  @Test func aComputedBiasIsNotProven() throws {
    let proof = try Verifier(product(nil)).proof()
    #expect(proof.layers.map(\.terms) == [5] && proof.layers.allSatisfy { $0.filters.isEmpty })
    #expect(proof.failures == ["layer 'product' no bound is known, has 32"])
  }

  // MARK: What does not hold

  @Test func aWidthThatIsTooNarrowIsNamedWithItsFilter() throws {
    let graph = try quantized(Networks.mixed, settings())
    let wide = try Verifier(graph).proof()
    let worst = try #require(wide.layers.compactMap(\.neededBits).max())
    #expect(try Verifier(graph, accumulatorBits: worst).proof().failures == [])
    let narrow = try Verifier(graph, accumulatorBits: worst - 1).proof()
    #expect(narrow.widthFrom == "asked for")
    let layer = try #require(narrow.layers.first { !$0.isProven })
    let filter = try #require(layer.worstFilter)
    #expect(layer.filters[filter].bits == worst)
    #expect(
      narrow.failures.first
        == "layer '\(layer.name)', filter \(filter), needs \(worst) bits, has \(worst - 1)")
  }

  /// Weights edited by hand break the bound that the model says it was made for.
  @Test func editedWeightsViolateTheStatedWidth() throws {
    var graph = try quantized(Networks.mixed, settings())
    let needed = try #require(try Verifier(graph).proof().layers.compactMap(\.neededBits).max())
    graph.metadata[AccumulatorWidth.metadataKey] = "\(needed)"
    #expect(try Verifier(graph).proof().failures == [])
    graph.initializers["head.w_quantized"] = Tensor(repeating: Int8(127), shape: [5, 72])
    let proof = try Verifier(graph).proof()
    #expect(proof.widthFrom == "the model's metadata" && proof.accumulatorBits == needed)
    let head = try #require(proof.layers.last)
    #expect(!head.isProven && (head.neededBits ?? 0) > needed)
    #expect(proof.failures.count == 1 && proof.failures[0].hasPrefix("layer 'head', filter "))
  }

  /// More than 32 bits: the engine refuses to run such a model in these arithmetics, the proof says why.
  @Test(arguments: [Requantization.round, .sadl, .float]) func sumsBeyond32BitsFail(
    mode: Requantization
  ) throws {
    var graph = try quantized(
      Networks.mixed, settings { ($0.scales, $0.requantization) = (.powerOfTwo, mode) })
    graph.initializers["groups.b_quantized"] = Tensor(repeating: Int32.max, shape: [6])
    let verifier = try Verifier(graph)
    for engine in try Self.engines() {
      let proof = try prove(verifier, on: engine)
      #expect(proof.failures.contains { $0.hasPrefix("layer 'groups', filter ") })
      // What wraps still reaches what the bound wraps to, and wraps alike everywhere.
      #expect(proof.layers.allSatisfy { $0.adversarial?.miss == nil })
      #expect(proof.layers.allSatisfy { $0.adversarial?.difference == nil })
      #expect(proof.network?.difference == nil)
    }
  }

  @Test func inconsistentModelsAreToldOf() throws {
    let shift = settings { ($0.scales, $0.requantization) = (.powerOfTwo, .round) }
    let good = try quantized(Networks.mixed, shift)
    #expect(try Verifier(good).proof().inconsistencies == [])

    var levels = try quantized(Networks.mixed, settings(weights: 13))
    levels.initializers["deep.w_quantized"] = Tensor(
      Array(repeating: Int8(7), count: 36), shape: [4, 1, 3, 3], as: .int4)
    #expect(
      try Verifier(levels).proof().inconsistencies.contains {
        $0.contains("'deep'") && $0.contains("none of its 13 levels, -6 to 6")
      })

    var scales = try quantized(
      Networks.mixed, settings { ($0.scales, $0.requantization) = (.powerOfTwo, .float) })
    scales.initializers["groups.w_scale"] = Tensor(repeating: Float(0.3), shape: [6])
    let findings = try Verifier(scales).proof().inconsistencies
    #expect(findings.contains { $0.contains("'groups.w_scale' holds 0.3") })
    #expect(findings.contains { $0.contains("'groups'") && $0.contains("the bias code") })

    var zeros = try quantized(Networks.mixed, settings())
    zeros.initializers["deep.w_zero_point"] = Tensor(repeating: Int8(0), shape: [3])
    #expect(
      try Verifier(zeros).proof().inconsistencies.contains {
        $0.contains("4 scales") && $0.contains("3 zero points")
      })
  }

  @Test func aDeviceThatComputesSomethingElseIsToldOf() throws {
    let graph = try quantized(Networks.mixed, settings())
    let proof = try Verifier(graph).proof(running: WrongBackend(), extents: ["N": 1])
    #expect(
      proof.failures.contains { $0.contains("the engines differ on adversarial inputs: code") })
    #expect(
      proof.failures.contains { $0.hasPrefix("the engines differ: the codes of node 'stem'") })
  }

  /// A comparison that did not happen has a reason.
  @Test func whatWasNotComparedIsToldOf() throws {
    let graph = try quantized(Networks.mixed, settings())
    let alone = try Verifier(graph).proof(running: ReferenceBackend.shared)
    #expect(alone.network?.inputs == 0 && alone.network?.reason == "there is no second engine")
    #expect(alone.notCompared == "there is no second engine" && alone.failures == [])
    #expect(try Verifier(graph).proof().notCompared == "nothing was run")
    let compared = try Verifier(graph).proof(running: WrongBackend(), extents: ["N": 1])
    #expect(compared.notCompared == nil && compared.failures != [])
    let partly = try Verifier(graph).proof(running: WrongBackend(), runs: 0)
    #expect(partly.notCompared == "the network was run on no inputs")
    var unknown = graph
    unknown.inputs[0].shape = nil
    let unranked = try Verifier(unknown).proof(running: WrongBackend())
    #expect(unranked.network?.reason == "the input 'x' has no known rank")
    #expect(unranked.notCompared == "the input 'x' has no known rank")
  }

  /// An extent that is missing may be why a run fails; without open dimensions the failure is an error.
  @Test func runsThatFailAreErrorsUnlessDimensionsAreOpen() throws {
    func reshaped(_ first: Dimension) throws -> Verifier {
      var graph = try quantized(Networks.mixed, settings())
      graph.inputs[0].shape?[0] = first
      graph.initializers["odd"] = Tensor([Int64(7), 5])
      graph.nodes.append(Node(name: "odd", "Reshape", inputs: ["y", "odd"], outputs: ["z"]))
      graph.outputs.append(ValueInfo(name: "z", elementType: .float32))
      return try Verifier(graph)
    }
    let open = try reshaped(.symbolic("N")).proof(running: WrongBackend())
    #expect(open.network?.reason?.hasSuffix("; --extent gives open dimensions") == true)
    #expect(throws: GraphError.self) {
      try reshaped(.fixed(1)).proof(running: WrongBackend())
    }
    #expect(throws: GraphError.self) {
      try reshaped(.symbolic("N")).proof(running: WrongBackend(), extents: ["N": 2])
    }
  }

  @Test func modelsWithoutCodesAreRefused() {
    #expect(throws: GraphError.self) { try Verifier(Networks.mixed) }
    var graph = Networks.mixed
    graph.metadata[AccumulatorWidth.metadataKey] = "7"
    #expect(throws: GraphError.self) { try Verifier(graph) }
  }
}
