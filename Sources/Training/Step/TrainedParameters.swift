public import Graph
public import Tensors

/// The parameters that training changes, one after the other in a vector.
///
/// A single vector lets an optimizer update all of them in a handful of operations, however many
/// layers a network has.
public struct TrainedParameters: Sendable, Hashable {
  /// One initializer and its place in the vector.
  public struct Part: Sendable, Hashable {
    /// The initializer's name.
    public let name: String
    /// The initializer's shape.
    public let shape: [Int]
    /// Where it begins.
    public let start: Int
    /// The place behind it.
    public var end: Int { start + shape.reduce(1, *) }
  }

  /// The initializers, in the order in which the graph's nodes read them.
  public let parts: [Part]
  /// Elements of the vector.
  public let count: Int

  /// The initializers of type float32 that a convolution, a matrix product, a normalization or an
  /// addition of `graph` takes as weights or bias, or a quantizer in front of these.
  ///
  /// - Parameters:
  ///   - graph: The network.
  ///   - names: The initializers to choose from; `nil` takes all.
  /// - Throws: ``Graph/GraphError`` when there are none.
  public init(of graph: Graph, among names: Set<String>? = nil) throws {
    var parts: [Part] = []
    var seen: Set<String> = []
    for node in try graph.sortedNodes() {
      guard node.domain.isEmpty || node.domain == OperatorDomain.lowBit,
        let places = Self.places[node.operatorType]
      else { continue }
      for place in places where place < node.inputs.count {
        let name = node.inputs[place]
        guard names?.contains(name) ?? true else { continue }
        // A single number is an epsilon or a unit, not something to be trained.
        guard let tensor = graph.initializers[name], tensor.elementType == .float32,
          tensor.count > (Self.scaling.contains(node.operatorType) ? 1 : 0),
          seen.insert(name).inserted
        else { continue }
        parts.append(Part(name: name, shape: tensor.shape, start: parts.last?.end ?? 0))
      }
    }
    guard let last = parts.last else {
      throw GraphError.unsupported(
        "the model has no parameter to train: no Conv, ConvTranspose, Gemm, MatMul, PRelu, Add, "
          + "Mul, BatchNormalization or LayerNormalization reads an initializer of type float32")
    }
    self.parts = parts
    count = last.end
  }

  /// Inputs of operators that are parameters.
  private static let places: [String: [Int]] = [
    "Conv": [1, 2], "ConvTranspose": [1, 2], "Gemm": [1, 2], "MatMul": [0, 1], "Add": [0, 1],
    "Mul": [0, 1], "PRelu": [1], "BatchNormalization": [1, 2], "LayerNormalization": [1, 2],
    "FakeQuantize": [0],
  ]

  /// Operators that constants are often given to.
  private static let scaling: Set<String> = ["Add", "Mul"]

  /// The initializers of `graph` with these names, whatever reads them.
  public init(of graph: Graph, named names: [String]) {
    var parts: [Part] = []
    for name in names {
      guard let tensor = graph.initializers[name] else {
        preconditionFailure("'\(name)' is no initializer")
      }
      parts.append(Part(name: name, shape: tensor.shape, start: parts.last?.end ?? 0))
    }
    self.init(parts: parts)
  }

  /// These parameters and, behind them, others of these names and shapes.
  public func appending(_ others: [(name: String, shape: [Int])]) -> TrainedParameters {
    var parts = parts
    for other in others {
      parts.append(Part(name: other.name, shape: other.shape, start: parts.last?.end ?? 0))
    }
    return TrainedParameters(parts: parts)
  }

  private init(parts: [Part]) {
    self.parts = parts
    count = parts.last?.end ?? 0
  }

  /// The vector of the values that `graph` has.
  public func vector(of graph: Graph) -> Tensor {
    Tensor(shape: [count]) { (vector: UnsafeMutableBufferPointer<Float>) in
      for part in parts {
        graph.initializers[part.name]?.withElements(of: Float.self) { values in
          for (index, value) in values.enumerated() { vector[part.start + index] = value }
        }
      }
    }
  }

  /// For every element of `vector` the unit of the tensor that it is of, as
  /// ``Optimizer/usesRelativeSteps`` says.
  func units(of vector: Tensor) -> Tensor {
    vector.withElements(of: Float.self) { vector in
      Tensor(shape: [count]) { (units: UnsafeMutableBufferPointer<Float>) in
        for part in parts where part.end > part.start {
          let squares = vector[part.start..<part.end].reduce(0.0) { $0 + Double($1) * Double($1) }
          let unit = Float((squares / Double(part.end - part.start)).squareRoot())
          let isVector = part.shape.count < 2
          let least = isVector || unit == 0 ? Optimizer.smallestVectorUnit : unit
          units[part.start..<part.end].update(repeating: max(unit, least))
        }
      }
    }
  }

  /// The tensors that `vector` is made of, by name.
  public func tensors(of vector: Tensor) -> [String: Tensor] {
    vector.withElements(of: Float.self) { vector in
      Dictionary(
        uniqueKeysWithValues: parts.map { part in
          (part.name, Tensor(Array(vector[part.start..<part.end]), shape: part.shape))
        })
    }
  }

  /// `graph` with the values of `vector`.
  public func graph(_ graph: Graph, with vector: Tensor) -> Graph {
    var graph = graph
    graph.initializers.merge(tensors(of: vector)) { $1 }
    return graph
  }
}
