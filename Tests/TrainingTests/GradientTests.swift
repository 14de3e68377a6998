import Execution
import Graph
import Operations
import Tensors
import Testing

@testable import Training

/// Derivatives against differences.
@Suite struct GradientTests {
  /// The step of the differences.
  static let step: Float = 1 / 64

  /// How far a difference may be off.
  ///
  /// All values are multiples of 1/64 below 2 and the sum is taken in double precision, so that
  /// products and sums are exact, and the difference of a function has the rounding of its values
  /// alone: `1.5 / h` times 4 units in the last place of numbers below 2, in at most 24 outputs that
  /// one input reaches. The fourth-order difference itself is off by `h^4 / 30` of a fifth derivative,
  /// which is below 200.
  static let tolerance: Double = {
    let h = Double(step)
    return 24 * 4 * 0x1p-23 * 1.5 / h + 200 * h * h * h * h / 30
  }()

  /// Every derivative of a random weighted sum of the outputs, against the central difference of
  /// fourth order `(8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h`.
  @Test(arguments: GradientCase.all)
  func matchesDifferences(_ test: GradientCase) throws {
    let checked = try CheckedGraph(test)
    let gradients = try checked.gradients()
    for (name, gradient) in gradients {
      let values = try #require(checked.values[name]).array(of: Float.self)
      let found = gradient.array(of: Float.self)
      #expect(gradient.shape == checked.values[name]?.shape)
      for index in values.indices {
        func loss(_ steps: Float) throws -> Double {
          var moved = values
          moved[index] += steps * Self.step
          return try checked.loss(with: moved, for: name)
        }
        let near = try loss(1) - loss(-1)
        let far = try loss(2) - loss(-2)
        let difference = (8 * near - far) / (12 * Double(Self.step))
        #expect(
          abs(Double(found[index]) - difference) <= Self.tolerance,
          "\(test), \(name)[\(index)]: \(found[index]), difference \(difference)")
      }
    }
  }

  /// Inside the range and at its ends the derivative passes, outside it does not; one scale a channel.
  @Test func straightThroughInsideTheRange() throws {
    // Four levels of 0.5 from -0.5 to 1, and of 1 from -1 to 2.
    let values: [Float] = [-0.75, -0.5, 0.3, 1, 1.125, -0.75, -1.125, 0.3, 2, 2.0625]
    let x = Tensor(values, shape: [2, 5])
    var graph = Graph(
      opsets: ["": 21, "lowbit": 1],
      inputs: [
        ValueInfo(name: "x", elementType: .float32, shape: [.fixed(2), .fixed(5)])
      ],
      initializers: [
        "s": Tensor([Float(0.5), 1]), "z": Tensor([Int32(1), 1]),
      ],
      nodes: [
        Node(
          "FakeQuantize", domain: "lowbit", inputs: ["x", "s", "z"], outputs: ["y"],
          attributes: ["levels": .int(4), "axis": .int(0)]),
        Node("ReduceSum", inputs: ["y"], outputs: ["l"], attributes: ["keepdims": .int(0)]),
      ])
    let result = try graph.differentiated("l", for: ["x"])
    graph = result.graph
    let gradient = try #require(result.gradients["x"])
    graph.outputs = ["y", gradient].map { ValueInfo(name: $0, elementType: .float32) }
    let outputs = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
    #expect(
      outputs["y"]?.array(of: Float.self) == [-0.5, -0.5, 0.5, 1, 1, -1, -1, 0, 2, 2])
    #expect(outputs[gradient]?.array(of: Float.self) == [0, 1, 1, 1, 0, 1, 0, 1, 1, 0])
  }

  @Test func namesTheNodeWithoutDerivative() throws {
    let graph = Graph(
      opsets: ["": 21], inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(3)])],
      outputs: [ValueInfo(name: "l", elementType: .float32)],
      nodes: [
        Node(name: "rounding", "Round", inputs: ["x"], outputs: ["y"]),
        Node("ReduceSum", inputs: ["y"], outputs: ["l"], attributes: ["keepdims": .int(0)]),
      ])
    let error = try #require(throws: GraphError.self) {
      try graph.differentiated("l", for: ["x"])
    }
    #expect(error.description.contains("rounding") && error.description.contains("Round"))
  }

  @Test func namesTheValueThatTheLossDoesNotDependOn() throws {
    let graph = Graph(
      opsets: ["": 21],
      inputs: ["x", "z"].map { ValueInfo(name: $0, elementType: .float32, shape: [.fixed(3)]) },
      outputs: [ValueInfo(name: "l", elementType: .float32)],
      nodes: [Node("ReduceSum", inputs: ["x"], outputs: ["l"], attributes: ["keepdims": .int(0)])])
    let error = try #require(throws: GraphError.self) {
      try graph.differentiated("l", for: ["x", "z"])
    }
    #expect(error.description.contains("'z'"))
  }
}

/// The graph of a case with a weighted sum behind it.
private struct CheckedGraph {
  let graph: Graph
  let wanted: [String]
  let values: [String: Tensor]
  /// What each output is multiplied by.
  private let weights: [String: [Float]]

  init(_ test: GradientCase) throws {
    var generator = Generator(state: 7)
    var wanted: [String] = []
    var values: [String: Tensor] = [:]
    var graph = Graph(opsets: ["": 21, "lowbit": 1], nodes: [test.node])
    for (name, (shape, kind)) in zip(test.node.inputs, test.inputs) {
      switch kind {
      case .constant(let tensor): graph.initializers[name] = tensor
      case .apart:
        values[name] = Tensor(generator.apart(shape.reduce(1, *)), shape: shape)
        wanted.append(name)
      case .positive:
        values[name] = Tensor(
          (0..<shape.reduce(1, *)).map { _ in 0.5 + 0.75 * generator.sixtyFourths() }, shape: shape)
        wanted.append(name)
      }
    }
    graph.inputs = wanted.map { name in
      ValueInfo(
        name: name, elementType: .float32, shape: values[name]!.shape.map { .fixed($0) })
    }
    // What has no derivative of its own is checked in the form that is trained.
    _ = try graph.decomposeNormalizations()
    let shapes = try GraphAnalysis(of: graph).shapes
    var sums: [String] = []
    var weights: [String: [Float]] = [:]
    for (index, output) in test.node.outputs.enumerated() {
      let shape = try #require(shapes[output]).shape
      let numbers = (0..<shape.reduce(1, *)).map { _ in generator.sixtyFourths() - 1 }
      weights[output] = numbers
      graph.initializers["r\(index)"] = Tensor(numbers, shape: shape)
      graph.nodes.append(Node("Mul", inputs: [output, "r\(index)"], outputs: ["w\(index)"]))
      graph.nodes.append(
        Node(
          "ReduceSum", inputs: ["w\(index)"], outputs: ["s\(index)"],
          attributes: ["keepdims": .int(0)]))
      sums.append("s\(index)")
    }
    graph.nodes.append(
      Node(sums.count == 2 ? "Add" : "Identity", inputs: sums, outputs: ["loss"]))
    graph.outputs = test.node.outputs.map { ValueInfo(name: $0, elementType: .float32) }
    self.graph = graph
    self.wanted = wanted
    self.weights = weights
    self.values = values
  }

  func gradients() throws -> [String: Tensor] {
    var result = try graph.differentiated("loss", for: wanted)
    result.graph.outputs = wanted.map {
      ValueInfo(name: result.gradients[$0]!, elementType: .float32)
    }
    let outputs = try Executor(result.graph, on: ReferenceBackend.shared).run(values)
    return Dictionary(
      uniqueKeysWithValues: wanted.map { ($0, outputs[result.gradients[$0]!]!) })
  }

  func loss(with numbers: [Float], for name: String) throws -> Double {
    var values = values
    values[name] = Tensor(numbers, shape: values[name]!.shape)
    let outputs = try Executor(graph, on: ReferenceBackend.shared).run(values)
    return weights.reduce(0) { total, entry in
      zip(entry.value, outputs[entry.key]!.array(of: Float.self)).reduce(total) {
        $0 + Double($1.0) * Double($1.1)
      }
    }
  }
}

/// Numbers from a linear congruential generator.
private struct Generator {
  var state: UInt64

  /// In 0..<1.
  mutating func unit() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) / Float(1 << 24)
  }

  /// In 0..<2, a multiple of 1/64.
  mutating func sixtyFourths() -> Float { (unit() * 128).rounded(.down) / 64 }

  /// Multiples of 1/64 in -1...1 of which none is nearer to 0 than 1/32; up to 24 of them are no
  /// nearer to each other than 5/64.
  mutating func apart(_ count: Int) -> [Float] {
    var numbers = (0..<count).map { index in
      let level = Float((index / 2 + 1) * 5 % 61 + 2) / 64
      return index.isMultiple(of: 2) ? level : -level
    }
    for index in numbers.indices.reversed() {
      numbers.swapAt(index, Int(unit() * Float(index + 1)))
    }
    return numbers
  }
}
