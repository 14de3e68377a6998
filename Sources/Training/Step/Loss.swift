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
  /// "Distilling the Knowledge in a Neural Network", 2015. As there, labels can have a share: the loss is
  /// `labelWeight` times their cross-entropy plus `1 - labelWeight` times that of the answers, and a
  /// target is the labels' row with the answers' row behind it. With a weight of 0 it is that of the
  /// answers alone.
  case distillation(temperature: Float, labelWeight: Float = 0)
  /// The mean of `(output - target)^2`.
  case squaredError

  /// The shape of the targets of an output.
  func targetShape(of output: [Int]) -> [Int] {
    guard case .distillation(_, let labelWeight) = self, labelWeight > 0, let classes = output.last
    else { return output }
    return output.dropLast() + [2 * classes]
  }
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
    /// The mean over samples of `-sum(target * log softmax(logits / temperature))`, times
    /// `temperature^2 * weight`.
    func crossEntropy(_ target: String, temperature: Float = 1, weight: Float = 1) -> String {
      var logits = logits(of: output)
      if temperature != 1 { logits = add("Div", [logits, number(temperature, &names)]) }
      let logarithm = add("LogSoftmax", [logits], ["axis": .int(-1)])
      let terms = add("Mul", [target, logarithm])
      let samples = add("ReduceSum", [terms, constant([-1], &names)], ["keepdims": .int(0)])
      let whole = add("Neg", [add("ReduceMean", [samples], ["keepdims": .int(0)])])
      let factor = temperature * temperature * weight
      return factor == 1 ? whole : add("Mul", [whole, number(factor, &names)])
    }
    switch loss {
    case .crossEntropy: return crossEntropy(target)
    case .distillation(let temperature, 0): return crossEntropy(target, temperature: temperature)
    case .distillation(let temperature, let labelWeight):
      let halves = [names.unique("loss/labels"), names.unique("loss/answers")]
      nodes.append(
        Node(
          "Split", inputs: [target], outputs: halves,
          attributes: ["axis": .int(-1), "num_outputs": .int(2)]))
      return add(
        "Add",
        [
          crossEntropy(halves[0], weight: labelWeight),
          crossEntropy(halves[1], temperature: temperature, weight: 1 - labelWeight),
        ])
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
