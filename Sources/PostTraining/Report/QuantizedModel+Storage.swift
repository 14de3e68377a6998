import Graph
import Quantization
import Tensors

extension QuantizedModel {
  /// What is to know of weights alone: widths that no type has, layers that are not in the form asked
  /// for.
  var storageNotes: [String] {
    guard settings.weightOnly != nil else { return [] }
    var notes: [String] = []
    var wider: [String: [Int]] = [:]
    for (number, weights) in weights {
      let levels = weights.quantizers[0].levels
      let type = weights.codes.elementType
      guard levels < 1 << type.bitCount else { continue }
      wider["\(levels) levels are stored in \(type.bitCount) bits", default: []].append(number)
    }
    for (what, numbers) in wider.sorted(by: { $0.key < $1.key }) {
      notes.append(
        "width not honoured in storage: \(what), the next that ONNX has: \(names(numbers))")
    }
    let two = weights.keys.filter {
      weights[$0]?.codes.elementType == .int2 && plan.graph.nodes[$0].operatorType == "MatMul"
    }
    if settings.target == .qdq, !two.isEmpty {
      notes.append(
        "ONNX Runtime 1.31 computes products with int2 weights wrongly unless its optimization is off; the targets "
          + "'ort-cpu' and 'matmulnbits' are not concerned: \(names(two))")
    }
    if settings.target == .matMulNBits {
      let others = weights.keys.filter {
        !["Gemm", "MatMul"].contains(plan.graph.nodes[$0].operatorType)
      }
      if !others.isEmpty {
        notes.append(
          "written as DequantizeLinear, for which there is no MatMulNBits: \(names(others))")
      }
    }
    return notes
  }

  private func names(_ numbers: [Int]) -> String {
    let labels = numbers.sorted().map { plan.graph.nodes[$0].label }
    let rest = labels.count > 3 ? " and \(labels.count - 3) more" : ""
    return labels.prefix(3).joined(separator: ", ") + rest
  }
}
