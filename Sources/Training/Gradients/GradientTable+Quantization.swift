import Graph

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
    }
  ]
}
