import Graph
import Operations

/// What a node says about an ``Operations/Epilogue``, but for its tensors.
struct EpilogueFacts: Sendable, Hashable {
  /// The codes of the convolution alone.
  var result: CodeFacts
  /// Those that it may have.
  var codes: ClosedRange<Int>
  var residual: ResidualFacts?

  /// Bits in which the result is packed.
  var bits: Int { result.bits }

  init(result: CodeFacts, codes: ClosedRange<Int>, residual: ResidualFacts? = nil) {
    self.result = result
    self.codes = codes
    self.residual = residual
  }

  static let kinds: [String: OperatorSignature.Kind] = CodeFacts.kinds("result_")
    .merging(CodeFacts.kinds("residual_")) { $1 }
    .merging([
      "lowest": .int, "highest": .int, "residual_scale": .float, "scale": .float,
      "sum_scale": .float, "sum_zero_point": .int, "sum_lowest": .int, "sum_highest": .int,
    ]) { $1 }

  var attributes: [String: Attribute] {
    var all = result.attributes("result_")
    all["lowest"] = .int(codes.lowerBound)
    all["highest"] = .int(codes.upperBound)
    return all.merging(residual?.attributes ?? [:]) { $1 }
  }

  init(_ node: NodeReader) throws {
    result = try CodeFacts(node, "result_")
    codes = try node.codes("", bits: result.bits)
    if node.int("sum_zero_point") != nil { residual = try ResidualFacts(node, bits: result.bits) }
  }

  /// What is known of the codes that come out.
  var outcome: (facts: CodeFacts, codes: ClosedRange<Int>) {
    guard let residual else { return (result, codes) }
    var facts = result
    facts.zeroPoint = residual.zeroPoint
    return (facts, residual.codes)
  }
}

/// What a node says about an ``Operations/Residual``, but for its codes.
struct ResidualFacts: Sendable, Hashable {
  var other: CodeFacts
  var otherScale: Float
  var scale: Float
  var resultScale: Float
  var zeroPoint: Int
  var codes: ClosedRange<Int>

  init(
    other: CodeFacts, otherScale: Float, scale: Float, resultScale: Float, zeroPoint: Int,
    codes: ClosedRange<Int>
  ) {
    self.other = other
    self.otherScale = otherScale
    self.scale = scale
    self.resultScale = resultScale
    self.zeroPoint = zeroPoint
    self.codes = codes
  }

  init(_ node: NodeReader, bits: Int) throws {
    other = try CodeFacts(node, "residual_")
    otherScale = try node.required("residual_scale", node.float("residual_scale"))
    scale = try node.required("scale", node.float("scale"))
    resultScale = try node.required("sum_scale", node.float("sum_scale"))
    zeroPoint = try node.required("sum_zero_point", node.int("sum_zero_point"))
    codes = try node.codes("sum_", bits: bits)
    guard (0..<(1 << bits)).contains(zeroPoint), other.bits == 8 else {
      throw node.invalid("a sum of \(bits) bits with zero at \(zeroPoint)")
    }
  }

  var attributes: [String: Attribute] {
    other.attributes("residual_").merging([
      "residual_scale": .float(otherScale), "scale": .float(scale),
      "sum_scale": .float(resultScale), "sum_zero_point": .int(zeroPoint),
      "sum_lowest": .int(codes.lowerBound), "sum_highest": .int(codes.upperBound),
    ]) { $1 }
  }

  /// The residual with the codes of the other summand, which must have the shape of the result.
  func value<B: Backend>(
    _ other: PackedCodes<B.Value>, result: [Int], _ call: OperatorCall<B>
  ) throws -> Residual<B.Value> {
    guard other.shape == result else {
      throw call.invalid("a summand of shape \(other.shape) for a result of \(result)")
    }
    return Residual(
      other, otherScale: otherScale, scale: scale, resultScale: resultScale,
      resultZeroPoint: zeroPoint, resultCodes: codes)
  }
}
