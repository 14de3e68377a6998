import Execution
import Graph
import Operations
import Tensors

/// Runs a whole network on inputs that look random and compares the engines value by value.
struct NetworkRunner {
  private let network: IntegerNetwork
  private let label: (String) -> String
  /// What is compared: codes and sums of every layer, and the outputs.
  private let observed: Set<String>
  /// The nodes that write what is compared.
  private let writers: [String: Node]

  /// - Parameter label: The label of a node of the model by the name of the network's node.
  init(_ network: IntegerNetwork, label: @escaping (String) -> String) {
    self.network = network
    self.label = label
    var writers: [String: Node] = [:]
    for node in network.graph.nodes
    where node.domain == OperatorDomain.lowBit || node.operatorType == "MatMulInteger"
      || node.operatorType.hasPrefix("QLinear") || node.operatorType == "QGemm"
    {
      for output in node.outputs where !output.isEmpty { writers[output] = node }
    }
    self.writers = writers
    observed = Set(writers.keys)
  }

  /// Runs `runs` inputs on the reference and, where there is one, on `backend`.
  ///
  /// Values are quantized inputs drawn evenly from all codes and some beyond, so that they are cut off at
  /// both ends too; other floats lie between -1 and 1.
  ///
  /// - Throws: What the engines throw, except where that may follow from extents that were not given: then
  ///   the result has the reason.
  func result<B: Backend>(
    on backend: B?, runs: Int, extents: [String: Int], seed: UInt64
  ) throws -> ModelProof.NetworkRuns? {
    guard runs > 0 else { return nil }
    var result = ModelProof.NetworkRuns(inputs: 0, values: 0)
    guard let backend else {
      result.reason = "there is no second engine"
      return result
    }
    if let reason = refusal {
      result.reason = reason
      return result
    }
    var generator = CodeGenerator(seed: seed &+ 1)
    let reference = try Executor(network.graph, on: ReferenceBackend.shared)
    let executor = try Executor(network.graph, on: backend)
    for run in 0..<runs where result.difference == nil {
      let inputs = inputs(extents, &generator)
      var expected: [String: Tensor] = [:]
      let outputs: [String: Tensor]
      do {
        outputs = try reference.run(inputs, observing: observed) { expected[$0] = $1 }
      } catch let error as GraphError {
        guard hasOpenDimensions(besides: extents) else { throw error }
        result.reason = "\(error); --extent gives open dimensions"
        return result
      }
      result.inputs += 1
      let found = try executor.run(inputs, observing: observed) { name, value in
        guard result.difference == nil, let other = expected[name] else { return }
        result.values += 1
        guard try backend.download(value) != other else { return }
        let place = writers[name].map { "'\(label($0.name))' (\($0.operatorType))" } ?? name
        result.difference = "the codes of node \(place) on input \(run)"
      }
      for name in network.graph.outputs.map(\.name) where !observed.contains(name) {
        guard result.difference == nil else { break }
        result.values += 1
        if found[name] != outputs[name] {
          result.difference = "the output '\(name)' on input \(run)"
        }
      }
    }
    return result
  }

  /// Why no input of the network can be drawn; `nil` where they can.
  private var refusal: String? {
    for input in network.graph.inputs {
      guard input.shape != nil else { return "the input '\(input.name)' has no known rank" }
      guard [.float32, .uint8, .int8].contains(input.elementType) else {
        return "no values are drawn for the input '\(input.name)' of type \(input.elementType)"
      }
    }
    return nil
  }

  /// Whether an input has a dimension that neither the model nor `extents` say.
  private func hasOpenDimensions(besides extents: [String: Int]) -> Bool {
    network.graph.inputs.compactMap(\.shape).joined().contains { dimension in
      switch dimension {
      case .fixed: false
      case .symbolic(let name): extents[name] == nil
      case .unknown: true
      }
    }
  }

  /// A tensor for every input of the network, all of which ``refusal`` lets pass.
  private func inputs(
    _ extents: [String: Int], _ generator: inout CodeGenerator
  ) -> [String: Tensor] {
    let index = GraphIndex(network.graph)
    var tensors: [String: Tensor] = [:]
    for input in network.graph.inputs {
      let shape = (input.shape ?? []).map { dimension in
        switch dimension {
        case .fixed(let extent): extent
        case .symbolic(let name): extents[name] ?? 1
        case .unknown: 1
        }
      }
      let count = shape.reduce(1, *)
      switch input.elementType {
      case .float32:
        let (unit, codes) = index.codes(of: input.name) ?? (1.0 / 256, -256...256)
        // 16 steps beyond either end, in quarters of a step.
        let steps = 4 * (codes.lowerBound - 16)...4 * (codes.upperBound + 16)
        tensors[input.name] = Tensor(
          (0..<count).map { _ in Float(generator.next(in: steps)) / 4 * unit }, shape: shape)
      case .uint8:
        tensors[input.name] = Tensor(
          (0..<count).map { _ in UInt8(generator.next(in: 0...255)) }, shape: shape)
      case .int8:
        tensors[input.name] = Tensor(
          (0..<count).map { _ in Int8(generator.next(in: -128...127)) }, shape: shape)
      default: preconditionFailure("'\(input.name)' is of a type that is not drawn")
      }
    }
    return tensors
  }
}

extension GraphIndex {
  /// The unit and the codes, less their zero point, of the quantizer that reads `value`.
  fileprivate func codes(of value: String) -> (Float, ClosedRange<Int>)? {
    for reader in (readers[value] ?? []).map({ nodes[$0] })
    where reader.operatorType == "QuantizeLinear" && reader.inputs.count > 2 {
      guard let scale = constants[reader.inputs[1]], scale.elementType == .float32,
        scale.count == 1, let zero = constants[reader.inputs[2]], zero.count == 1,
        let range = zero.elementType.integerRange
      else { continue }
      let zeroPoint = zero.integers()[0]
      return (
        scale.array(of: Float.self)[0],
        range.lowerBound - zeroPoint...range.upperBound - zeroPoint
      )
    }
    return nil
  }
}
