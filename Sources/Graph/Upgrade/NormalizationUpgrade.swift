import Tensors

extension NodeRewriting {
  /// BatchNormalization from 9: statistics are always one a channel.
  mutating func dropSpatial() throws(GraphError) {
    guard takeInt("spatial") == 0 else { return }
    throw unsupported("has spatial=0, statistics for every position")
  }

  /// BatchNormalization from 14: in inference there is one output. In training there were others
  /// than today.
  mutating func dropTrainingOutputs() throws(GraphError) {
    if node.outputs.indices.dropFirst().contains(where: isRead(output:)) {
      throw unsupported("is in training mode: its statistics are read")
    }
    node.outputs = Array(node.outputs.prefix(1))
  }

  /// Dropout from 10: the mask was of the input's type.
  mutating func dropoutMaskBecomesBool() throws(GraphError) {
    if isRead(output: 1) { throw unsupported("has a mask that is read, which became bool") }
  }

  /// Dropout from 12. Before, a model that is run was never in training, which is still the default.
  mutating func dropoutRatioBecomesInput() {
    guard let ratio = takeFloat("ratio") else { return }
    setInput(1, to: Tensor(scalar: ratio), "ratio")
  }

  /// Softmax, LogSoftmax and Hardmax from 13. Before, they worked on a matrix: all dimensions before
  /// `axis` (1 unless stated) and all from it on. On the last dimension the two are the same.
  mutating func softmaxOverOneAxis() {
    let axis = takeInt("axis") ?? 1
    node.attributes["axis"] = .int(-1)
    let input = node.inputs[0]
    let output = node.outputs[0]
    if axis == -1 || ranks.rank(of: input).map({ axis == $0 - 1 }) == true { return }
    let shape = uniqueName("shape")
    let matrix = uniqueName("matrix")
    let result = uniqueName("flat")
    before.append(
      Node(name: names.unique("\(node.label)/Shape"), "Shape", inputs: [input], outputs: [shape]))
    before.append(
      Node(
        name: names.unique("\(node.label)/Flatten"), "Flatten", inputs: [input], outputs: [matrix],
        attributes: ["axis": .int(axis)]))
    after.append(
      Node(
        name: names.unique("\(node.label)/Reshape"), "Reshape", inputs: [result, shape],
        outputs: [output]))
    node.inputs[0] = matrix
    node.outputs[0] = result
  }
}
