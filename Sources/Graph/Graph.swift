public import Tensors

/// A neural network as a directed acyclic graph of ONNX operators.
///
/// The graph keeps ONNX's own vocabulary (operator names, attributes, value names), so that what is
/// read can be written again, and leaves its meaning to `Execution`. Nodes may stand in any order;
/// ``sortedNodes()`` gives one in which they can run.
public struct Graph: Sendable, Equatable {
  /// The graph's name.
  public var name: String

  /// Version of each operator set in use, by domain; ONNX's own domain is `""`.
  public var opsets: [String: Int]

  /// What a caller supplies, in order, without the initializers.
  public var inputs: [ValueInfo]

  /// What a caller receives, in order.
  public var outputs: [ValueInfo]

  /// Constant tensors by value name.
  public var initializers: [String: Tensor]

  /// The operators.
  public var nodes: [Node]

  /// What is known about values that are neither inputs nor outputs, by name.
  public var valueInfo: [String: ValueInfo]

  /// The model's free-form properties; ONNX's `metadata_props`.
  public var metadata: [String: String]

  /// Where the model came from, as it says itself.
  public var producer: Producer

  /// ONNX's `doc_string` of the graph.
  public var documentation: String

  /// Makes a graph.
  public init(
    name: String = "graph", opsets: [String: Int] = ["": 21], inputs: [ValueInfo] = [],
    outputs: [ValueInfo] = [], initializers: [String: Tensor] = [:], nodes: [Node] = [],
    valueInfo: [String: ValueInfo] = [:], metadata: [String: String] = [:],
    producer: Producer = Producer(), documentation: String = ""
  ) {
    self.name = name
    self.opsets = opsets
    self.inputs = inputs
    self.outputs = outputs
    self.initializers = initializers
    self.nodes = nodes
    self.valueInfo = valueInfo
    self.metadata = metadata
    self.producer = producer
    self.documentation = documentation
  }
}

/// The software that wrote a model, and its documentation.
public struct Producer: Sendable, Hashable {
  /// ONNX's `producer_name`.
  public var name: String
  /// ONNX's `producer_version`.
  public var version: String
  /// ONNX's `domain`.
  public var domain: String
  /// ONNX's `model_version`.
  public var modelVersion: Int
  /// ONNX's `doc_string` of the model.
  public var documentation: String

  /// Makes a producer; everything is optional in ONNX.
  public init(
    name: String = "", version: String = "", domain: String = "", modelVersion: Int = 0,
    documentation: String = ""
  ) {
    self.name = name
    self.version = version
    self.domain = domain
    self.modelVersion = modelVersion
    self.documentation = documentation
  }
}
