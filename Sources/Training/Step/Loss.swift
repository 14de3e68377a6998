import Graph
import Tensors

/// What training makes small.
public enum Loss: Sendable, Hashable {
  /// The mean over samples of `-sum(target * log softmax(logits))`: with targets of one 1 the
  /// cross-entropy of labels, with the softmax of another network's logits distillation, whose
  /// gradient is that of the Kullback-Leibler divergence.
  case crossEntropy
  /// The same of `logits / temperature`, times the square of the temperature, with
  /// `softmax(logits / temperature)` of another network as target: Hinton, Vinyals and Dean,
  /// "Distilling the Knowledge in a Neural Network", 2015.
  case distillation(temperature: Float)
  /// The mean of `(output - target)^2`.
  case squaredError
}

extension Graph {
  /// Adds the nodes of a loss of the output `output` and an input `target`; returns the name of its
  /// value.
  ///
  /// A Softmax or LogSoftmax that ends the network is part of the cross-entropy already, which then
  /// begins before it.
  mutating func addLoss(_ loss: Loss, of output: String, target: String) throws -> String {
    var names = ValueNames(of: self)
    func add(
      _ operatorType: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]
    ) -> String {
      let name = names.unique("loss/\(operatorType)")
      nodes.append(
        Node(operatorType, inputs: inputs, outputs: [name], attributes: attributes))
      return name
    }
    switch loss {
    case .crossEntropy, .distillation:
      var logits = logits(of: output)
      var weight: Float = 1
      if case .distillation(let temperature) = loss, temperature != 1 {
        logits = add("Div", [logits, number(temperature, &names)])
        weight = temperature * temperature
      }
      let logarithm = add("LogSoftmax", [logits], ["axis": .int(-1)])
      let terms = add("Mul", [target, logarithm])
      let samples = add("ReduceSum", [terms, constant([-1], &names)], ["keepdims": .int(0)])
      let mean = add("ReduceMean", [samples], ["keepdims": .int(0)])
      let whole = add("Neg", [mean])
      return weight == 1 ? whole : add("Mul", [whole, number(weight, &names)])
    case .squaredError:
      let difference = add("Sub", [output, target])
      let square = add("Mul", [difference, difference])
      return add("ReduceMean", [square], ["keepdims": .int(0)])
    }
  }

  /// What a Softmax or LogSoftmax that ends the network is given; the output itself where none does.
  func logits(of output: String) -> String {
    let writer = nodes.first { $0.outputs.contains(output) }
    guard let writer, ["Softmax", "LogSoftmax"].contains(writer.operatorType) else { return output }
    return writer.inputs[0]
  }

  private mutating func number(_ value: Float, _ names: inout ValueNames) -> String {
    let name = names.unique("loss/number")
    initializers[name] = Tensor(scalar: value)
    return name
  }

  private mutating func constant(_ values: [Int64], _ names: inout ValueNames) -> String {
    let name = names.unique("loss/axes")
    initializers[name] = Tensor(values)
    return name
  }
}
