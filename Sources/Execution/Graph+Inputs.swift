public import Graph
public import Tensors

extension Graph {
  /// Checks that `tensors` has a tensor for every input, of its type and of a shape that fits.
  ///
  /// - Throws: ``GraphError`` naming the input.
  public func checkInputs(_ tensors: [String: Tensor]) throws(GraphError) {
    let known = Set(inputs.map(\.name))
    for name in tensors.keys.sorted() where !known.contains(name) {
      throw .invalid(
        "the model has no input '\(name)'; its inputs are \(inputs.map { "'\($0.name)'" }.joined(separator: ", "))"
      )
    }
    var extents: [String: Int] = [:]
    for input in inputs {
      guard let tensor = tensors[input.name] else {
        throw .invalid("the input '\(input.name)' is missing")
      }
      guard tensor.elementType == input.elementType else {
        throw .invalid(
          "the input '\(input.name)' is of type \(tensor.elementType); the model takes \(input.elementType)"
        )
      }
      guard let shape = input.shape else { continue }
      var fits = shape.count == tensor.rank
      for (dimension, extent) in zip(shape, tensor.shape) {
        switch dimension {
        case .fixed(let expected): fits = fits && expected == extent
        case .symbolic(let name):
          fits = fits && extents[name, default: extent] == extent
          extents[name] = extents[name] ?? extent
        case .unknown: break
        }
      }
      guard fits else {
        throw .invalid(
          "the input '\(input.name)' has shape \(tensor.shape); the model takes \(shape.description(known: extents))"
        )
      }
    }
  }

  /// The first dimension of the first input: fixed for models that take batches of one size only.
  ///
  /// `nil` when the graph has no input with a first dimension.
  public var batchDimension: Dimension? { inputs.first?.shape?.first }
}

extension [Dimension] {
  fileprivate func description(known: [String: Int]) -> String {
    let words = map { dimension in
      switch dimension {
      case .fixed(let extent): "\(extent)"
      case .symbolic(let name): known[name].map { "\(name)=\($0)" } ?? name
      case .unknown: "?"
      }
    }
    return "[\(words.joined(separator: ", "))]"
  }
}
