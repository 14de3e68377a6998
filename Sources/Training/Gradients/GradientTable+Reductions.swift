import Graph
import Tensors

extension GradientTable {
  /// Sums, means, softmax.
  static let reductions: [String: GradientRule] = [
    "ReduceSum": { builder, node in
      let dy = builder.gradient(of: node)
      let (shape, kept) = try keptShape(node, &builder)
      builder.add(to: node.inputs[0]) { $0.expand($0.reshape(dy, to: kept), to: shape) }
    },
    "ReduceMean": { builder, node in
      let dy = builder.gradient(of: node)
      let (shape, kept) = try keptShape(node, &builder)
      builder.add(to: node.inputs[0]) { $0.spread($0.reshape(dy, to: kept), kept, over: shape) }
    },
    "GlobalAveragePool": { builder, node in
      let dy = builder.gradient(of: node)
      let shape = try builder.shape(of: node.inputs[0])
      let kept = try builder.shape(of: node.outputs[0])
      builder.add(to: node.inputs[0]) { $0.spread(dy, kept, over: shape) }
    },
    // y (dy - sum(dy y))
    "Softmax": { builder, node in
      let dy = builder.gradient(of: node)
      let axis = try softmaxAxis(node, builder)
      builder.add(to: node.inputs[0]) { builder in
        let weighted = builder.emit("Mul", [dy, node.outputs[0]])
        let total = builder.emit("ReduceSum", [weighted, builder.list([axis])])
        return builder.emit("Mul", [node.outputs[0], builder.emit("Sub", [dy, total])])
      }
    },
    // dy - exp(y) sum(dy)
    "LogSoftmax": { builder, node in
      let dy = builder.gradient(of: node)
      let axis = try softmaxAxis(node, builder)
      builder.add(to: node.inputs[0]) { builder in
        let total = builder.emit("ReduceSum", [dy, builder.list([axis])])
        let share = builder.emit("Mul", [builder.emit("Exp", [node.outputs[0]]), total])
        return builder.emit("Sub", [dy, share])
      }
    },
  ]

  /// The input's shape, and that of the result with reduced axes kept.
  private static func keptShape(
    _ node: Node, _ builder: inout GradientBuilder
  ) throws -> (shape: [Int], kept: [Int]) {
    let shape = try builder.shape(of: node.inputs[0])
    guard !node.hasInput(1) || builder.integers(of: node, 1) != nil else {
      throw node.hasNoDerivative("its axes are computed")
    }
    let axes = builder.integers(of: node, 1) ?? []
    if axes.isEmpty, node.integer("noop_with_empty_axes", default: 0) != 0 { return (shape, shape) }
    let reduced = axes.isEmpty ? Array(shape.indices) : axes.map { $0 < 0 ? $0 + shape.count : $0 }
    return (shape, shape.indices.map { reduced.contains($0) ? 1 : shape[$0] })
  }

  private static func softmaxAxis(_ node: Node, _ builder: GradientBuilder) throws -> Int {
    let rank = try builder.shape(of: node.inputs[0]).count
    let axis = node.integer("axis", default: -1)
    return axis < 0 ? axis + rank : axis
  }
}

extension GradientBuilder {
  /// `value` repeated to `shape`.
  mutating func expand(_ value: String, to shape: [Int]) -> String {
    emit("Expand", [value, list(shape)])
  }

  /// `value` of shape `from` divided by how often it is repeated in `shape`, and repeated.
  mutating func spread(_ value: String, _ from: [Int], over shape: [Int]) -> String {
    let count = shape.reduce(1, *) / max(from.reduce(1, *), 1)
    return expand(emit("Div", [value, number(Float(count))]), to: shape)
  }
}
