import Graph
import Tensors

extension Graph {
  /// Makes a border of zeros that a convolution alone reads a part of the convolution, whose integer
  /// kernels pad by themselves.
  mutating func foldPadding() {
    let index = GraphIndex(self)
    var removed: Set<Int> = []
    for (number, node) in nodes.enumerated() where node.operatorType == "Pad" {
      guard let reader = index.onlyReader(of: node.outputs[0]),
        nodes[reader].operatorType == "Conv", nodes[reader].inputs[0] == node.outputs[0],
        let border = zeroBorder(node), let pads = sum(border, nodes[reader])
      else { continue }
      nodes[reader].inputs[0] = node.inputs[0]
      nodes[reader].attributes["pads"] = .ints(pads)
      nodes[reader].attributes["auto_pad"] = nil
      removed.insert(number)
    }
    nodes = nodes.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
  }

  /// The widths of a border of zeros around spatial dimensions only; `nil` for any other.
  private func zeroBorder(_ node: Node) -> [Int]? {
    if case .string(let mode)? = node.attributes["mode"], mode != "constant" { return nil }
    guard node.inputs.count > 1, let tensor = initializers[node.inputs[1]],
      tensor.elementType == .int64, node.inputs.count < 4 || node.inputs[3].isEmpty
    else { return nil }
    if node.inputs.count > 2, !node.inputs[2].isEmpty {
      guard let value = initializers[node.inputs[2]]?.doubles, value == [0] else { return nil }
    }
    let widths = tensor.array(of: Int64.self).map(Int.init)
    let rank = widths.count / 2
    guard rank > 2, widths.allSatisfy({ $0 >= 0 }), widths[0] == 0, widths[1] == 0,
      widths[rank] == 0, widths[rank + 1] == 0
    else { return nil }
    return Array(widths[2..<rank] + widths[(rank + 2)...])
  }

  /// A convolution's own pads and a border together; `nil` where the pads follow from the extents.
  private func sum(_ border: [Int], _ convolution: Node) -> [Int]? {
    if case .string(let mode)? = convolution.attributes["auto_pad"], mode != "NOTSET" {
      guard mode == "VALID" else { return nil }
      return border
    }
    guard case .ints(let pads)? = convolution.attributes["pads"] else { return border }
    return pads.count == border.count ? zip(pads, border).map(+) : nil
  }
}
