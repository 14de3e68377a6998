import Graph
import Quantization
import Tensors

/// Sums of two tensors of codes in packed form.
extension PackedWriter {
  /// Whether `value` is read by one QLinearAdd alone that could take the writer of `value` in.
  func isSummand(_ value: String) -> Bool {
    guard mode == .float, let reader = index.onlyReader(of: value) else { return false }
    let node = index.nodes[reader]
    return node.operatorType == "QLinearAdd" && Summands(node, constants) != nil
  }

  /// QLinearAdd of a convolution's result and another value of the same shape: the convolution's
  /// epilogue.
  mutating func residual(_ node: Node) -> Bool {
    // The epilogue's sum is ONNX's; the other arithmetics have sums of their own.
    guard mode == .float, let summands = Summands(node, constants),
      let shape = values[summands.a.value]?.shape, shape == values[summands.b.value]?.shape,
      !shape.contains(.unknown)
    else { return false }
    // Of two convolutions the second takes the first in.
    let (own, other) =
      isWaiting(summands.b.value) ? (summands.b, summands.a) : (summands.a, summands.b)
    guard own.value != other.value, var convolution = takeWaiting(own.value) else { return false }
    let form = convolution.form
    guard form.rowsOf == nil else {
      finish(convolution)
      return false
    }
    let packedOther = packed(
      other.value, other.quantizer, channels: form.facts.channels, rank: form.rank)
    let (result, codes) = clipped(node.outputs[0], summands.sum)
    convolution.node.inputs.append(packedOther.name)
    convolution.epilogue.residual = ResidualFacts(
      other: packedOther.facts, otherScale: other.quantizer.scale, scale: own.quantizer.scale,
      resultScale: summands.sum.scale, zeroPoint: summands.sum.storedZeroPoint, codes: codes)
    convolution.form.type = summands.sum.type
    convolution.result = result
    finish(convolution)
    return true
  }
}

/// The operands of a QLinearAdd or QLinearMul with constant quantizers of one type.
struct Summands {
  struct Operand {
    var value: String
    var quantizer: ConstantQuantizer
  }

  var a: Operand
  var b: Operand
  var sum: ConstantQuantizer

  init?(_ node: Node, _ constants: GraphConstants) {
    guard ["QLinearAdd", "QLinearMul"].contains(node.operatorType), node.inputs.count >= 7,
      let a = constants.quantizer(node.inputs[1], node.inputs[2]),
      let b = constants.quantizer(node.inputs[4], node.inputs[5]),
      let sum = constants.quantizer(
        node.inputs[6], node.inputs.count > 7 ? node.inputs[7] : nil),
      a.type == b.type, a.type == sum.type,
      constants[node.inputs[0]] == nil, constants[node.inputs[3]] == nil
    else { return nil }
    self.a = Operand(value: node.inputs[0], quantizer: a)
    self.b = Operand(value: node.inputs[3], quantizer: b)
    self.sum = sum
  }
}
