import Graph
import Operations
import Tensors
import Testing

@testable import Execution

/// Products of dequantized codes, computed on the codes.
@Suite struct IntegerProductsTests {
  // MARK: Networks

  /// Codes -> DequantizeLinear -> product -> (clipping ->) QuantizeLinear -> codes.
  struct Network {
    var operatorType = "Conv"
    var data = Tensor([UInt8(0), 50, 100, 150, 200, 255], shape: [1, 1, 2, 3])
    var weights = Tensor([Int8(-3), 2, 1, 5], shape: [2, 1, 1, 2])
    var weightScales = Tensor([Float(0.3), 0.7])
    var weightAxis = 0
    var bias: Tensor? = Tensor([Int32(40), -40])
    var biasScales = Tensor([Float(0.1) * 0.3, Float(0.1) * 0.7])
    var clipping: Node?
    var resultScale = Float(1.7)
    var resultZeroPoint = Tensor(scalar: UInt8(0))
    var isQuantized = true
    var changes: (inout Graph) -> Void = { _ in }

    var graph: Graph {
      var graph = Graph(
        opsets: ["": 21],
        inputs: [
          ValueInfo(name: "codes", elementType: .uint8, shape: data.shape.map { .fixed($0) })
        ],
        initializers: [
          "s": Tensor(scalar: Float(0.1)), "z": Tensor(scalar: UInt8(128)), "w": weights,
          "ws": weightScales, "wz": Tensor(repeating: Int8(0), shape: weightScales.shape),
          "rs": Tensor(scalar: resultScale), "rz": resultZeroPoint,
        ],
        nodes: [
          Node("DequantizeLinear", inputs: ["codes", "s", "z"], outputs: ["x"]),
          Node(
            "DequantizeLinear", inputs: ["w", "ws", "wz"], outputs: ["wf"],
            attributes: ["axis": .int(weightAxis)]),
          Node(name: "product", operatorType, inputs: ["x", "wf"], outputs: ["y"]),
        ])
      if let bias {
        graph.initializers["b"] = bias
        graph.initializers["bs"] = biasScales
        graph.nodes.append(
          Node(
            "DequantizeLinear", inputs: ["b", "bs"], outputs: ["bf"], attributes: ["axis": .int(0)])
        )
        graph.nodes[2].inputs.append("bf")
      }
      var result = "y"
      if let clipping {
        graph.nodes.append(clipping)
        result = "clipped"
      }
      if isQuantized {
        graph.nodes.append(Node("QuantizeLinear", inputs: [result, "rs", "rz"], outputs: ["out"]))
        result = "out"
      }
      graph.outputs = [
        ValueInfo(
          name: result, elementType: isQuantized ? resultZeroPoint.elementType : .float32)
      ]
      changes(&graph)
      return graph
    }

    func run(_ graph: Graph) throws -> Tensor {
      let outputs = try Executor(graph, on: ReferenceBackend.shared).run(["codes": data])
      return try #require(outputs[graph.outputs[0].name])
    }
  }

  /// `Float(sum + bias) * multiplier`, rounded and cut off: what an integer kernel computes.
  private func requantized(_ sums: [Int32], _ bias: Int32, _ scale: Float) -> [UInt8] {
    sums.map { sum in
      UInt8(min(max((Float(sum + bias) * scale).rounded(.toNearestOrEven), 0), 255))
    }
  }

  /// The sums of the convolution of the codes and the weights of ``Network``.
  private var sums: [[Int32]] {
    let codes: [[Int32]] = [[0, 50, 100], [150, 200, 255]]
    return [[-3, 2], [1, 5]].map { filter in
      codes.flatMap { row in
        (0..<2).map { (row[$0] - 128) * Int32(filter[0]) + (row[$0 + 1] - 128) * Int32(filter[1]) }
      }
    }
  }

  private func types(_ graph: Graph) -> [String] { graph.nodes.map(\.operatorType) }

  // MARK: What becomes integer

  @Test(arguments: [
    nil, Node("Relu", inputs: ["y"], outputs: ["clipped"]),
    Node(
      "Clip", inputs: ["y"], outputs: ["clipped"],
      attributes: ["min": .float(0), "max": .float(434)]
    ),
  ])
  func convolutionsComputeOnCodes(clipping: Node?) throws {
    var network = Network()
    network.clipping = clipping
    if clipping?.operatorType == "Clip" { network.changes = { $0.opsets = ["": 10] } }
    let graph = network.graph.withIntegerProducts()
    #expect(types(graph) == ["QLinearConv"])
    let expected =
      requantized(sums[0], 40, Float(0.1) * 0.3 / 1.7)
      + requantized(sums[1], -40, Float(0.1) * 0.7 / 1.7)
    #expect(try network.run(graph) == Tensor(expected, shape: [1, 2, 2, 2]))
  }

  @Test func packedWeightsAreRecognisedBehindTheirCast() throws {
    var network = Network()
    network.changes = { graph in
      graph.initializers["packed"] = Tensor(
        [Int8(-3), 2, 1, 5], shape: [2, 1, 1, 2], as: .int4)
      graph.initializers["w"] = nil
      graph.nodes.insert(
        Node("Cast", inputs: ["packed"], outputs: ["w"], attributes: ["to": .int(3)]), at: 0)
    }
    let plain = Network()
    let graph = network.graph.withIntegerProducts()
    #expect(types(graph) == ["Cast", "QLinearConv"])
    #expect(try network.run(graph) == plain.run(plain.graph.withIntegerProducts()))
  }

  @Test(arguments: [true, false])
  func matrixProductsComputeOnCodes(isQuantized: Bool) throws {
    let weights: [[Int32]] = [[3, -7], [11, 2], [-5, 9]]
    let codes: [[Int32]] = [[0, 50, 100], [150, 200, 255]]
    let sums = codes.map { row in
      (0..<2).map { c in (0..<3).reduce(Int32(0)) { $0 + (row[$1] - 128) * weights[$1][c] } }
    }
    for operatorType in ["Gemm", "MatMul"] {
      var network = Network()
      network.operatorType = operatorType
      network.data = network.data.reshaped(to: [2, 3])
      network.weights = Tensor(weights.flatMap { $0.map { Int8($0) } }, shape: [3, 2])
      network.weightAxis = 1
      network.isQuantized = isQuantized
      let bias: [Int32] = operatorType == "Gemm" ? [40, -40] : [0, 0]
      if operatorType == "MatMul" { network.bias = nil }
      let graph = network.graph.withIntegerProducts()
      let scales = [Float(0.1) * 0.3, Float(0.1) * 0.7]
      if isQuantized {
        #expect(types(graph) == [operatorType == "Gemm" ? "QGemm" : "QLinearMatMul"])
        let expected = sums.flatMap { row in
          (0..<2).flatMap { requantized([row[$0]], bias[$0], scales[$0] / 1.7) }
        }
        #expect(try network.run(graph) == Tensor(expected, shape: [2, 2]))
      } else {
        #expect(
          types(graph) == (operatorType == "Gemm" ? ["QGemm"] : ["MatMulInteger", "Cast", "Mul"]))
        let expected = sums.flatMap { row in
          (0..<2).map { Float(row[$0] + bias[$0]) * scales[$0] }
        }
        #expect(try network.run(graph) == Tensor(expected, shape: [2, 2]))
      }
    }
  }

  // MARK: What does not

  @Test func whatDoesNotFitStays() {
    let cases: [(String, (inout Network) -> Void)] = [
      ("16-bit codes", { $0.resultZeroPoint = Tensor(scalar: UInt16(0)) }),
      ("another type of result", { $0.resultZeroPoint = Tensor(scalar: Int8(-128)) }),
      ("a float bias", { network in network.changes = { $0.nodes[2].inputs[2] = "bs" } }),
      ("a bias in other units", { $0.biasScales = Tensor([Float(0.031), 0.07]) }),
      ("scales along another axis", { $0.weightAxis = 1 }),
      (
        "clipping within the range of codes",
        {
          $0.clipping = Node("Relu", inputs: ["y"], outputs: ["clipped"])
          $0.resultZeroPoint = Tensor(scalar: UInt8(1))
        }
      ),
      (
        "a result that is an output too",
        { network in
          network.changes = { $0.outputs.append(ValueInfo(name: "y", elementType: .float32)) }
        }
      ),
      (
        "a scale that is given",
        { network in
          network.changes = { graph in
            graph.initializers["s"] = nil
            graph.inputs.append(ValueInfo(name: "s", elementType: .float32, shape: []))
          }
        }
      ),
    ]
    for (reason, change) in cases {
      var network = Network()
      change(&network)
      let graph = network.graph
      #expect(graph.withIntegerProducts() == graph, "\(reason)")
    }
  }
}
