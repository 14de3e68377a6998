import Graph

extension GradientTable {
  /// Functions of one value: the derivative of the input from the output's `dy`, with `x` the input
  /// and `y` the output.
  static let elementwise: [String: GradientRule] = [
    "Identity": chain { $0.dy },
    "Dropout": chain { $0.dy },
    "Cast": chain { $0.dy },
    "Neg": chain { $0.emit("Neg", [$0.dy]) },
    "Abs": chain { $0.times($0.emit("Sign", [$0.x])) },
    "Exp": chain { $0.times($0.y) },
    "Log": chain { $0.emit("Div", [$0.dy, $0.x]) },
    "Sqrt": chain { $0.emit("Div", [$0.dy, $0.emit("Add", [$0.y, $0.y])]) },
    "Reciprocal": chain { $0.emit("Neg", [$0.times($0.emit("Mul", [$0.y, $0.y]))]) },
    "Relu": chain { $0.where($0.emit("Greater", [$0.y, $0.number(0)])) },
    "LeakyRelu": chain { chain in
      let alpha = chain.number(chain.node.real("alpha", default: 0.01))
      return chain.emit(
        "Where",
        [chain.emit("Less", [chain.x, chain.number(0)]), chain.times(alpha), chain.dy])
    },
    "Sigmoid": chain { $0.times($0.emit("Mul", [$0.y, $0.emit("Sub", [$0.number(1), $0.y])])) },
    "Tanh": chain {
      $0.times($0.emit("Sub", [$0.number(1), $0.emit("Mul", [$0.y, $0.y])]))
    },
    "Softplus": chain { $0.times($0.emit("Sigmoid", [$0.x])) },
    "Erf": chain { chain in
      let square = chain.emit("Mul", [chain.x, chain.x])
      let bell = chain.emit("Exp", [chain.emit("Neg", [square])])
      // 2 / sqrt(pi)
      return chain.times(chain.emit("Mul", [bell, chain.number(1.12837916709551257390)]))
    },
    "HardSigmoid": chain { chain in
      let slope = chain.number(chain.node.real("alpha", default: 0.2))
      let above = chain.emit("Greater", [chain.y, chain.number(0)])
      let below = chain.emit("Less", [chain.y, chain.number(1)])
      let inside = chain.emit("And", [above, below])
      return chain.emit("Where", [inside, chain.times(slope), chain.number(0)])
    },
    "HardSwish": chain { chain in
      // 0 below -3, 1 above 3, x / 3 + 1/2 between.
      let middle = chain.emit(
        "Add", [chain.emit("Div", [chain.x, chain.number(3)]), chain.number(0.5)])
      let isLow = chain.emit("LessOrEqual", [chain.x, chain.number(-3)])
      let isHigh = chain.emit("GreaterOrEqual", [chain.x, chain.number(3)])
      let upper = chain.emit("Where", [isHigh, chain.number(1), middle])
      return chain.times(chain.emit("Where", [isLow, chain.number(0), upper]))
    },
    "Clip": { builder, node in
      try chain { chain in
        var inside: String?
        if node.hasInput(1) { inside = chain.emit("GreaterOrEqual", [chain.x, node.inputs[1]]) }
        if node.hasInput(2) {
          let below = chain.emit("LessOrEqual", [chain.x, node.inputs[2]])
          inside = inside.map { chain.emit("And", [$0, below]) } ?? below
        }
        return inside.map { chain.where($0) } ?? chain.dy
      }(&builder, node)
    },
    "Gelu": chain { chain in
      guard chain.node.word("approximate") ?? "none" == "none" else {
        throw chain.node.hasNoDerivative("it is approximated by tanh")
      }
      // Phi(x) + x phi(x)
      let half = chain.number(0.5)
      let error = chain.emit(
        "Erf", [chain.emit("Mul", [chain.x, chain.number(Float(0.5).squareRoot())])])
      let area = chain.emit("Add", [half, chain.emit("Mul", [half, error])])
      let square = chain.emit("Mul", [chain.x, chain.x])
      let bell = chain.emit("Exp", [chain.emit("Mul", [square, chain.number(-0.5)])])
      // 1 / sqrt(2 pi)
      let density = chain.emit("Mul", [bell, chain.number(0.39894228040143267794)])
      let slope = chain.emit("Add", [area, chain.emit("Mul", [chain.x, density])])
      return chain.times(slope)
    },
  ]

  /// A function of one value and the derivative behind it.
  struct Chain {
    var builder: GradientBuilder
    let node: Node
    /// The derivative of the output.
    let dy: String
    /// The input.
    var x: String { node.inputs[0] }
    /// The output.
    var y: String { node.outputs[0] }

    mutating func emit(_ operatorType: String, _ inputs: [String]) -> String {
      builder.emit(operatorType, inputs)
    }

    mutating func number(_ value: Float) -> String { builder.number(value) }

    /// The derivative, multiplied by `factor`.
    mutating func times(_ factor: String) -> String { builder.emit("Mul", [dy, factor]) }

    /// The derivative where `condition` holds, else 0.
    mutating func `where`(_ condition: String) -> String {
      let zero = number(0)
      return builder.emit("Where", [condition, dy, zero])
    }
  }

  /// The rule of a function of one value.
  static func chain(_ body: @escaping @Sendable (inout Chain) throws -> String) -> GradientRule {
    { builder, node in
      let dy = builder.gradient(of: node)
      try builder.add(to: node.inputs[0]) { builder in
        var chain = Chain(builder: builder, node: node, dy: dy)
        let result = try body(&chain)
        builder = chain.builder
        return result
      }
    }
  }
}
