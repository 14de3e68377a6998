import Graph

extension GradientTable {
  /// Functions of two values, broadcast.
  static let arithmetic: [String: GradientRule] = [
    "Add": { builder, node in
      let dy = builder.gradient(of: node)
      for index in 0..<2 { try builder.addBroadcast(node, index) { _ in dy } }
    },
    "Sub": { builder, node in
      let dy = builder.gradient(of: node)
      try builder.addBroadcast(node, 0) { _ in dy }
      try builder.addBroadcast(node, 1) { $0.emit("Neg", [dy]) }
    },
    "Mul": { builder, node in
      let dy = builder.gradient(of: node)
      for index in 0..<2 {
        try builder.addBroadcast(node, index) { $0.emit("Mul", [dy, node.inputs[1 - index]]) }
      }
    },
    "Div": { builder, node in
      let dy = builder.gradient(of: node)
      try builder.addBroadcast(node, 0) { $0.emit("Div", [dy, node.inputs[1]]) }
      try builder.addBroadcast(node, 1) { builder in
        // -(a / b) / b
        let part = builder.emit(
          "Div", [builder.emit("Mul", [dy, node.outputs[0]]), node.inputs[1]])
        return builder.emit("Neg", [part])
      }
    },
    "Pow": { builder, node in
      guard !builder.needs(node.inputs[1]) else {
        throw node.hasNoDerivative("the exponent would be trained")
      }
      let dy = builder.gradient(of: node)
      try builder.addBroadcast(node, 0) { builder in
        let less = builder.emit("Sub", [node.inputs[1], builder.number(1)])
        let slope = builder.emit("Pow", [node.inputs[0], less])
        return builder.emit("Mul", [dy, builder.emit("Mul", [node.inputs[1], slope])])
      }
    },
    "PRelu": { builder, node in
      let dy = builder.gradient(of: node)
      let isNegative = builder.emit("Less", [node.inputs[0], builder.number(0)])
      try builder.addBroadcast(node, 0) { builder in
        builder.emit("Where", [isNegative, builder.emit("Mul", [dy, node.inputs[1]]), dy])
      }
      try builder.addBroadcast(node, 1) { builder in
        let slope = builder.emit("Mul", [dy, node.inputs[0]])
        return builder.emit("Where", [isNegative, slope, builder.number(0)])
      }
    },
    "Where": { builder, node in
      let dy = builder.gradient(of: node)
      try builder.addBroadcast(node, 1) { $0.emit("Where", [node.inputs[0], dy, $0.number(0)]) }
      try builder.addBroadcast(node, 2) { $0.emit("Where", [node.inputs[0], $0.number(0), dy]) }
    },
    "Min": { try extreme("LessOrEqual", &$0, $1) },
    "Max": { try extreme("GreaterOrEqual", &$0, $1) },
  ]

  /// Minimum and maximum of two values; of equal ones the first has the derivative.
  private static func extreme(
    _ comparison: String, _ builder: inout GradientBuilder, _ node: Node
  ) throws {
    guard node.inputs.count == 2 else {
      throw node.hasNoDerivative("it has \(node.inputs.count) inputs")
    }
    let dy = builder.gradient(of: node)
    let isFirst = builder.emit(comparison, node.inputs)
    try builder.addBroadcast(node, 0) { $0.emit("Where", [isFirst, dy, $0.number(0)]) }
    try builder.addBroadcast(node, 1) { $0.emit("Where", [isFirst, $0.number(0), dy]) }
  }
}
