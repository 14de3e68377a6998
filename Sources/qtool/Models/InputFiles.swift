import LowBit

/// Inputs of a model from files.
enum InputFiles {
  /// The last part of a path, which is what pages call a file: they say nothing of the machine.
  static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The tensors of `NAME=FILE.npy` arguments.
  ///
  /// - Throws: `UsageError` for an argument that is not one, `DataError` for a file that does not
  ///   fit the model.
  static func read(_ arguments: [String], for graph: Graph) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for argument in arguments {
      guard let (name, path) = split(argument, inputs: graph.inputs) else {
        let names = graph.inputs.map { "'\($0.name)'" }.joined(separator: ", ")
        throw UsageError("--input \(argument) is not NAME=FILE; the model's inputs are \(names)")
      }
      let input = graph.inputs.first { $0.name == name }
      let tensor = try NumPyFile.read(path)
      guard tensors.updateValue(try converted(tensor, for: input, path), forKey: name) == nil else {
        throw UsageError("--input gives '\(name)' twice")
      }
    }
    try check(tensors, for: graph)
    return tensors
  }

  /// The tensors of an ONNX `test_data_set` folder: `input_0.pb` and so on, in the graph's order.
  static func readSet(_ folder: String, for graph: Graph) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (index, input) in graph.inputs.enumerated() {
      tensors[input.name] = try tensor("\(folder)/input_\(index).pb")
    }
    try check(tensors, for: graph)
    return tensors
  }

  /// The tensor in a protocol buffer, which here is data whatever is wrong with it.
  @Sendable static func tensor(_ path: String) throws(DataError) -> Tensor {
    do {
      return try TensorFile.read(path: path).tensor
    } catch {
      throw DataError("\(error)")
    }
  }

  /// The name before an equals sign and the path behind it; names may hold equals signs themselves.
  private static func split(
    _ argument: String, inputs: [ValueInfo]
  ) -> (name: String, path: String)? {
    for input in inputs where argument.hasPrefix(input.name + "=") {
      return (input.name, String(argument.dropFirst(input.name.count + 1)))
    }
    return nil
  }

  /// Types that NumPy lacks are given as the next wider one that it has.
  private static func converted(
    _ tensor: Tensor, for input: ValueInfo?, _ path: String
  ) throws -> Tensor {
    guard let input, tensor.elementType != input.elementType else { return tensor }
    let carrier: ElementType? =
      switch input.elementType {
      case .bfloat16: .float32
      case .int4, .int2: .int8
      case .uint4, .uint2: .uint8
      default: nil
      }
    guard tensor.elementType == carrier else { return tensor }
    let reference = ReferenceBackend.shared
    let narrow = reference.cast(tensor, to: input.elementType)
    guard reference.cast(narrow, to: tensor.elementType) == tensor else {
      throw DataError(file: path, "holds values that \(input.elementType) does not")
    }
    return narrow
  }

  /// What does not fit the model is wrong with the data.
  private static func check(_ tensors: [String: Tensor], for graph: Graph) throws {
    do {
      try graph.checkInputs(tensors)
    } catch {
      throw DataError(error.description)
    }
  }
}
