import Graph

/// The nodes of x -> Conv -> `operators`, one after the other -> Conv with the attributes `second` -> y; their
/// weights are `first.w`, `first.b` and `second.w`, values between `v0`, `v1` and so on.
func convolutions(around operators: [Node], second: [String: Attribute]) -> [Node] {
  var nodes = [
    Node(name: "first", "Conv", inputs: ["x", "first.w", "first.b"], outputs: ["v0"])
  ]
  for (place, node) in operators.enumerated() {
    var node = node
    node.inputs[0] = "v\(place)"
    node.outputs = ["v\(place + 1)"]
    nodes.append(node)
  }
  nodes.append(
    Node(
      name: "second", "Conv", inputs: ["v\(operators.count)", "second.w"], outputs: ["y"],
      attributes: second))
  return nodes
}
