import Graph
import Tensors

extension GradientTable {
  /// Operators that move elements.
  static let movements: [String: GradientRule] = [
    "Reshape": backToShape, "Flatten": backToShape, "Squeeze": backToShape,
    "Unsqueeze": backToShape,
    "Transpose": { builder, node in
      let dy = builder.gradient(of: node)
      let rank = try builder.shape(of: node.inputs[0]).count
      let permutation = node.integers("perm") ?? (0..<rank).reversed()
      var inverse = permutation
      for (to, from) in permutation.enumerated() { inverse[from] = to }
      builder.add(to: node.inputs[0]) { $0.emit("Transpose", [dy], ["perm": .ints(inverse)]) }
    },
    "Expand": { builder, node in
      let dy = builder.gradient(of: node)
      try builder.addBroadcast(node, 0) { _ in dy }
    },
    "Concat": { builder, node in
      let dy = builder.gradient(of: node)
      var start = 0
      for input in node.inputs {
        let shape = try builder.shape(of: input)
        let axis = try node.axis(of: shape.count)
        let end = start + shape[axis]
        builder.add(to: input) { builder in
          builder.emit(
            "Slice", [dy, builder.list([start]), builder.list([end]), builder.list([axis])])
        }
        start = end
      }
    },
    "Split": { builder, node in
      let shape = try builder.shape(of: node.inputs[0])
      let axis = try node.axis(of: shape.count)
      let parts = try node.outputs.map { output -> String in
        if let found = builder.gradient(of: output) { return found }
        return builder.constant(
          Tensor(repeating: Float(0), shape: try builder.shape(of: output)))
      }
      builder.add(to: node.inputs[0]) { $0.emit("Concat", parts, ["axis": .int(axis)]) }
    },
    "Slice": slice, "Pad": pad, "Gather": gather,
    "DepthToSpace": { builder, node in
      guard node.word("mode") ?? "DCR" == "DCR" else {
        throw node.hasNoDerivative("its mode is not DCR")
      }
      let dy = builder.gradient(of: node)
      builder.add(to: node.inputs[0]) {
        $0.emit("SpaceToDepth", [dy], ["blocksize": .int(node.integer("blocksize", default: 1))])
      }
    },
    "SpaceToDepth": { builder, node in
      let dy = builder.gradient(of: node)
      builder.add(to: node.inputs[0]) {
        $0.emit("DepthToSpace", [dy], ["blocksize": .int(node.integer("blocksize", default: 1))])
      }
    },
  ]

  private static let backToShape: GradientRule = { builder, node in
    let dy = builder.gradient(of: node)
    let shape = try builder.shape(of: node.inputs[0])
    builder.add(to: node.inputs[0]) { $0.reshape(dy, to: shape) }
  }

  /// Zeros around the derivative, where the slice took nothing.
  private static let slice: GradientRule = { builder, node in
    let shape = try builder.shape(of: node.inputs[0])
    guard let starts = builder.integers(of: node, 1), let ends = builder.integers(of: node, 2),
      builder.integers(of: node, 4) ?? starts.map({ _ in 1 }) == starts.map({ _ in 1 })
    else { throw node.hasNoDerivative("its bounds are computed or it takes steps") }
    let axes = builder.integers(of: node, 3) ?? Array(starts.indices)
    var (before, after) = (shape.map { _ in 0 }, shape.map { _ in 0 })
    for (index, axis) in axes.enumerated() {
      let axis = axis < 0 ? axis + shape.count : axis
      let extent = shape[axis]
      func bound(_ at: Int) -> Int { min(max(at < 0 ? at + extent : at, 0), extent) }
      before[axis] = bound(starts[index])
      after[axis] = extent - max(bound(ends[index]), before[axis])
    }
    let dy = builder.gradient(of: node)
    builder.add(to: node.inputs[0]) { $0.emit("Pad", [dy, $0.list(before + after)]) }
  }

  private static let pad: GradientRule = { builder, node in
    guard node.word("mode") ?? "constant" == "constant", !node.hasInput(3),
      let pads = builder.integers(of: node, 1)
    else { throw node.hasNoDerivative("its border is not constant") }
    let dy = builder.gradient(of: node)
    builder.add(to: node.inputs[0]) { $0.emit("Pad", [dy, $0.list(pads.map { -$0 })]) }
  }

  /// The derivative of what was gathered, by the transpose of the matrix that gathers.
  private static let gather: GradientRule = { builder, node in
    let shape = try builder.shape(of: node.inputs[0])
    let axis = try node.axis(of: shape.count)
    guard let numbers = builder.integers(of: node, 1) else {
      throw node.hasNoDerivative("its indices are computed")
    }
    let extent = shape[axis]
    let matrix = Tensor(shape: [extent, numbers.count]) {
      (matrix: UnsafeMutableBufferPointer<Float>) in
      for (column, number) in numbers.enumerated() {
        matrix[(number < 0 ? number + extent : number) * numbers.count + column] = 1
      }
    }
    let dy = builder.gradient(of: node)
    builder.add(to: node.inputs[0]) { builder in
      let outer = shape[..<axis].reduce(1, *), inner = shape[(axis + 1)...].reduce(1, *)
      let rows = builder.reshape(dy, to: [outer, numbers.count, inner])
      let product = builder.emit("MatMul", [builder.constant(matrix), rows])
      return builder.reshape(product, to: shape)
    }
  }
}

extension Node {
  /// The attribute `axis`, counted from the front.
  func axis(of rank: Int) throws -> Int {
    let axis = integer("axis", default: 0)
    guard (-rank..<rank).contains(axis) else {
      throw GraphError.invalid("node '\(label)' (\(operatorType)): axis \(axis) of \(rank)")
    }
    return axis < 0 ? axis + rank : axis
  }
}

extension GradientBuilder {
  /// The integers of a constant input.
  func integers(of node: Node, _ index: Int) -> [Int]? {
    guard node.hasInput(index), let tensor = constant(of: node.inputs[index]) else { return nil }
    switch tensor.elementType {
    case .int64: return tensor.array(of: Int64.self).map { Int($0) }
    case .int32: return tensor.array(of: Int32.self).map { Int($0) }
    default: return nil
    }
  }
}
