import Graph

/// The domain of operators that only training has.
let trainingDomain = "lowbit"

extension GradientTable {
  /// Quantizers, by the straight-through estimator: the derivative passes where the value lies inside
  /// the quantizer's range.
  static let quantizers: [String: GradientRule] = [
    "FakeQuantize": { builder, node in
      guard !node.inputs[1...].contains(where: builder.needs) else {
        throw node.hasNoDerivative("its scale would be trained")
      }
      let dy = builder.gradient(of: node)
      builder.add(to: node.inputs[0]) {
        $0.emit(
          "FakeQuantizeGradient", domain: trainingDomain, node.inputs + [dy], node.attributes)
      }
    }
  ]
}
