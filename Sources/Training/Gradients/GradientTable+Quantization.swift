import Graph
import Tensors

extension GradientTable {
  /// Quantizers, by the straight-through estimator: the derivative passes where the value lies inside
  /// the quantizer's range. Where the scale is wanted, its derivative is `level - x / scale` inside and
  /// the level outside: Esser et al., "Learned Step Size Quantization", 2020, equation 3.
  static let quantizers: [String: GradientRule] = [
    "FakeQuantize": { builder, node in
      guard !builder.needs(node.inputs[2]) else {
        throw node.hasNoDerivative("its zero point would be trained")
      }
      let dy = builder.gradient(of: node)
      builder.add(to: node.inputs[0]) {
        $0.emit(
          "FakeQuantizeGradient", domain: OperatorDomain.lowBit, node.inputs + [dy], node.attributes
        )
      }
      guard builder.needs(node.inputs[1]) else { return }
      let (x, scale) = try (builder.shape(of: node.inputs[0]), builder.shape(of: node.inputs[1]))
      let axis = scale.isEmpty ? nil : try node.axis(of: x.count)
      builder.add(to: node.inputs[1]) { builder in
        // The level is y / scale; x inside the range is what the estimator lets pass of x.
        let inside = builder.emit(
          "FakeQuantizeGradient", domain: OperatorDomain.lowBit, node.inputs + [node.inputs[0]],
          node.attributes)
        let difference = builder.emit("Sub", [node.outputs[0], inside])
        let terms = builder.emit("Mul", [dy, difference])
        let sum = builder.emit(
          "ReduceSum", [terms, builder.list(x.indices.filter { $0 != axis })],
          ["keepdims": .int(0)])
        return builder.emit("Div", [sum, node.inputs[1]])
      }
    },
    "BoundedFakeQuantize": { try boundedWeights(&$0, $1) },
    "BoundedBias": { builder, node in
      let dy = builder.gradient(of: node)
      builder.add(to: node.inputs[3]) { builder in
        // A bias outside its bounds has no derivative that would take it farther out: it would wait
        // there, however much room there came to be.
        let beyond = builder.emit("Sub", [node.inputs[3], node.outputs[0]])
        let leaves = builder.emit(
          "Less", [builder.emit("Mul", [beyond, dy]), builder.number(0)])
        return builder.emit("Where", [leaves, builder.number(0), dy])
      }
    },
  ]

  /// Bounded codes by the straight-through estimator: the derivative of a value passes to its weight
  /// where this lies inside the quantizer's range, whatever the budget has made of it; a filter that is
  /// centred gets none along its mean. The scale's is what the node states for every value.
  private static func boundedWeights(_ builder: inout GradientBuilder, _ node: Node) throws {
    let dy = builder.gradient(of: node)
    let (x, scale) = try (builder.shape(of: node.inputs[0]), builder.shape(of: node.inputs[1]))
    let axis = node.integer("axis", default: 0)
    let others = x.indices.filter { $0 != axis }
    builder.add(to: node.inputs[0]) { builder in
      let levels = node.integer("levels", default: 2)
      let zero = builder.constant(Tensor(repeating: Int32(levels / 2), shape: scale))
      let passed = builder.emit(
        "FakeQuantizeGradient", domain: OperatorDomain.lowBit,
        [node.outputs[2], node.inputs[1], zero, dy],
        ["levels": .int(levels), "axis": .int(axis)])
      guard node.word("constraint") == AccumulatorConstraint.a2qPlus.rawValue else { return passed }
      let sums = builder.emit("ReduceSum", [passed, builder.list(others)])
      let count = others.reduce(1) { $0 * x[$1] }
      let means = builder.emit("Div", [sums, builder.number(Float(count))])
      return builder.emit("Sub", [passed, means])
    }
    builder.add(to: node.inputs[1]) { builder in
      let terms = builder.emit("Mul", [dy, node.outputs[1]])
      return builder.emit(
        "ReduceSum", [terms, builder.list(scale.isEmpty ? Array(x.indices) : others)],
        ["keepdims": .int(0)])
    }
  }
}
