import Execution
public import Graph
public import Operations
import Quantization
import Tensors

/// Proves what accumulators of a quantized model can hold, and that engines compute the same integers.
///
/// The proof is over integers as they are stored: for every filter the interval of its sum over all codes
/// that its input can have (``Execution/IntegerLayer``), partial sums in any order included. See
/// <doc:ProvenAccumulators>.
public struct Verifier: Sendable {
  /// The model.
  public let graph: Graph
  /// The width that accumulators are held against, in bits.
  public let accumulatorBits: Int

  private let widthFrom: String
  /// The network of a graph whose nodes are named after their places.
  private let network: IntegerNetwork
  private let labels: [String]

  /// Looks at a model.
  ///
  /// - Parameters:
  ///   - graph: The model.
  ///   - accumulatorBits: The width to hold accumulators against; `nil` for the one that the model was made
  ///     for, 32 where it does not say.
  /// - Throws: `GraphError` for a model that is no graph, names an arithmetic or a width that is not known,
  ///   has a node that the arithmetic has no form for, or no product of codes at all.
  public init(_ graph: Graph, accumulatorBits: Int? = nil) throws {
    var graph = graph
    graph.nodes = try graph.sortedNodes()
    self.graph = graph
    let stated = try graph.accumulatorBits()
    self.accumulatorBits = accumulatorBits ?? stated ?? AccumulatorWidth.standard
    widthFrom =
      accumulatorBits != nil ? "asked for" : stated != nil ? "the model's metadata" : "standard"
    labels = graph.nodes.map(\.label)
    network = try graph.numberedNetwork(allowsOverflow: true)
    guard !network.layers.isEmpty else {
      throw GraphError.unsupported(
        "no product of the model is on codes, so there is no accumulator to prove; "
          + "'qtool quantize' makes a quantized model")
    }
  }

  private func label(_ name: String) -> String {
    Int(name).flatMap { labels.indices.contains($0) ? labels[$0] : nil } ?? name
  }

  // MARK: Proof

  /// What follows from the model alone; nothing is run.
  public func proof() throws -> ModelProof {
    try ModelProof(
      accumulatorBits: accumulatorBits, widthFrom: widthFrom,
      requantization: network.requantization.rawValue,
      layers: network.layers.map(proof),
      inFloat: network.islands.map {
        .init(name: label($0.name), operatorType: $0.operatorType, reason: $0.reason)
      },
      inconsistencies: CodeConsistency(graph).findings, network: nil, engines: [])
  }

  private func proof(of layer: IntegerLayer) -> LayerProof {
    LayerProof(
      name: label(layer.name), operatorType: layer.operatorType, terms: layer.terms,
      depthOf16Bits: layer.depthOf16Bits,
      inputCodes: [layer.inputs.lowerBound, layer.inputs.upperBound],
      filters: layer.filters.map { interval in
        .init(
          bits: interval.bits, sum: [interval.sum.lowerBound, interval.sum.upperBound],
          anyOrder: [interval.anyOrder.lowerBound, interval.anyOrder.upperBound])
      }, availableBits: accumulatorBits)
  }

  /// The proof, and what running the model on the reference and on `backend` shows: that the accumulator
  /// of every filter reaches both ends of its interval, and that the engines have the same integers there
  /// and in the whole network on inputs that look random.
  ///
  /// - Parameters:
  ///   - backend: The engine to compare with the reference; the reference itself runs once only.
  ///   - runs: How many inputs the whole network runs on.
  ///   - extents: Extents of open dimensions by name; 1 for others.
  ///   - seed: The seed of these inputs.
  ///   - progress: Called with each layer's name before it is run.
  /// - Throws: What the backend throws.
  public func proof<B: Backend>(
    running backend: B, runs: Int = 2, extents: [String: Int] = [:], seed: UInt64 = 0,
    progress: (String) -> Void = { _ in }
  ) throws -> ModelProof {
    var proof = try proof()
    let isReference = backend is ReferenceBackend
    proof.engines = ["reference"] + (isReference ? [] : [backend.name])
    let nodes = Dictionary(
      network.graph.nodes.filter { !$0.name.isEmpty }.map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first })
    for (place, layer) in network.layers.enumerated() {
      guard let node = nodes[layer.name], let input = adversary(of: layer, node) else { continue }
      progress(label(layer.name))
      let run = AdversarialRunner(input: input, layer: layer)
      proof.layers[place].adversarial = try run.result(on: isReference ? nil : backend)
    }
    proof.network = try NetworkRunner(network, label: label).result(
      on: isReference ? nil : backend, runs: runs, extents: extents, seed: seed)
    return proof
  }

  private func adversary(of layer: IntegerLayer, _ node: Node) -> AdversarialInput? {
    let constants = network.graph.initializers
    if layer.isPacked { return AdversarialInput(packed: node, layer, constants: constants) }
    let places: (a: Int, aZero: Int, b: Int, bZero: Int)
    switch node.operatorType {
    case "QLinearMatMul", "QGemm": places = (0, 2, 3, 5)
    case "MatMulInteger": places = (0, 2, 1, 3)
    default: return nil
    }
    func factor(_ zero: Int) -> (type: ElementType, zeroPoint: Int)? {
      guard zero < node.inputs.count, let tensor = constants[node.inputs[zero]], tensor.count == 1,
        [.int8, .uint8].contains(tensor.elementType)
      else { return nil }
      return (tensor.elementType, tensor.integers()[0])
    }
    guard let a = factor(places.aZero), let b = factor(places.bZero) else { return nil }
    return AdversarialInput(
      plain: layer, types: (a.type, b.type), zeroPoints: (a.zeroPoint, b.zeroPoint))
  }
}
