import Tensors

extension Graph {
  /// The type of a value's elements: as declared, or that of the values it is computed from by
  /// operators that keep the type of their first input. Old operator sets (before 11, where this is
  /// needed) have floating point only in the operators that ask, so what is not declared anywhere
  /// on the way is taken from the first input of the graph that is floating point.
  func floatingPointType(of value: String) -> ElementType? {
    var seen: Set<String> = []
    var name = value
    while seen.insert(name).inserted {
      if let tensor = initializers[name] { return tensor.elementType }
      if let declared = (inputs + outputs).first(where: { $0.name == name }) ?? valueInfo[name] {
        return declared.elementType
      }
      guard let node = nodes.first(where: { $0.outputs.contains(name) }) else { break }
      if node.operatorType == "Cast", case .int(let code)? = node.attributes["to"] {
        return [1: .float32, 10: .float16, 11: .float64][code]
      }
      name = node.inputs.first { !$0.isEmpty } ?? ""
    }
    return inputs.map(\.elementType).first(where: \.isFloatingPoint)
  }
}
