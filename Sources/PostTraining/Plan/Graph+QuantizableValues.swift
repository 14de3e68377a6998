public import Graph
import Tensors

extension Graph {
  /// Every value that some settings could quantize: the floats that no constant gives. Values that a
  /// Relu or Clip alone reads are left out, since their quantizer goes behind it.
  ///
  /// Statistics of these serve all settings.
  public var quantizableValues: Set<String> {
    let index = GraphIndex(self)
    var isFloat: [String: Bool] = [:]
    for input in inputs { isFloat[input.name] = input.elementType == .float32 }
    for node in nodes {
      let gives = node.givesFloats(
        from: node.inputs.map { name in
          isFloat[name] ?? (index.constants[name]?.elementType == .float32)
        })
      for output in node.outputs where !output.isEmpty { isFloat[output] = gives }
    }
    return Set(
      isFloat.filter { name, isFloat in
        guard isFloat else { return false }
        guard let reader = index.onlyReader(of: name) else { return true }
        return !["Relu", "Clip"].contains(nodes[reader].operatorType)
      }.keys)
  }
}

extension Node {
  /// Whether the results are `float32` when the inputs are as said.
  fileprivate func givesFloats(from inputs: [Bool]) -> Bool {
    switch operatorType {
    case "Shape", "Size", "ArgMax", "ArgMin", "Equal", "Less", "LessOrEqual", "Greater",
      "GreaterOrEqual", "Not", "And", "Or", "Xor", "IsNaN", "IsInf", "NonZero":
      return false
    case "Cast": return integer("to", default: 0) == 1
    case "Where": return inputs.dropFirst().first ?? false
    case "ConstantOfShape":
      if case .tensor(let tensor)? = attributes["value"] { return tensor.elementType == .float32 }
      return true
    default: return inputs.first ?? false
    }
  }
}
