import Tensors

/// A float that is dequantized from codes by constants.
struct QuantizedOperand {
  var codes: String
  var scale: String
  /// `nil` where it is left out, which means 0.
  var zeroPoint: String?
  /// The type of the codes.
  var type: ElementType
  /// One scale, or one for each index of ``axis``.
  var scales: [Float]
  var scaleShape: [Int]
  /// The axis as the node has it, which may count from the end.
  var axis: Int
  /// The number of dimensions, where the codes are constant.
  var rank: Int?
  var isZeroPointZero: Bool

  /// Whether there is one scale for all elements, or one for each index of `axis`.
  func isOneScale(orAlong wanted: Int?) -> Bool {
    guard scales.count > 1 else { return true }
    guard let wanted else { return false }
    return axis == wanted || axis + (rank ?? 0) == wanted
  }
}

/// The codes of a node's result, and what lies between.
struct QuantizedResult {
  var codes: String
  var scale: String
  var zeroPoint: String
  var type: ElementType
  /// The numbers of the quantizer and of the nodes before it that it makes unnecessary.
  var absorbed: [Int]
}

extension GraphIndex {
  /// What `value` is dequantized from; `nil` when it is not, or not by constants, or in blocks.
  func dequantized(_ value: String) -> QuantizedOperand? {
    guard let writer = writer[value], case let node = nodes[writer],
      node.isOrdinary("DequantizeLinear"), let scale = constants[node.inputs[1]],
      scale.elementType == .float32, scale.rank <= 1, scale.count > 0
    else { return nil }
    let zeroPoint = node.inputs.count > 2 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
    let zeros = zeroPoint.flatMap { constants[$0] }
    guard zeroPoint == nil || zeros != nil else { return nil }
    let codes = constants[node.inputs[0]] ?? constantBehindCast(node.inputs[0])
    guard let type = zeros?.elementType ?? constants[node.inputs[0]]?.elementType else {
      return nil
    }
    return QuantizedOperand(
      codes: node.inputs[0], scale: node.inputs[1], zeroPoint: zeroPoint, type: type,
      scales: scale.array(of: Float.self), scaleShape: scale.shape, axis: node.axis,
      rank: codes?.rank, isZeroPointZero: zeros?.isZero ?? true)
  }

  /// The constant that is cast to `value`, as packed codes are; of the same shape.
  private func constantBehindCast(_ value: String) -> Tensor? {
    guard let writer = writer[value], nodes[writer].operatorType == "Cast" else { return nil }
    return nodes[writer].inputs.first.flatMap { constants[$0] }
  }

  /// The QuantizeLinear that alone reads the result of node `number`, by way of nodes that cut off
  /// nothing but what it cuts off anyway; `nil` when there is none with one constant scale and zero
  /// point.
  func quantizer(behind number: Int) -> QuantizedResult? {
    var absorbed: [Int] = []
    var bounds = -Float.infinity...Float.infinity
    var value = nodes[number].outputs[0]
    while let reader = onlyReader(of: value) {
      let node = nodes[reader]
      absorbed.append(reader)
      value = node.outputs[0]
      if node.domain.isEmpty, let clipping = clippingBounds(of: node) {
        guard clipping.overlaps(bounds) else { return nil }
        bounds = clipping.clamped(to: bounds)
        continue
      }
      guard node.isOrdinary("QuantizeLinear"), node.inputs.count > 2,
        let scale = constants[node.inputs[1]], scale.elementType == .float32, scale.count == 1,
        let zeroPoint = constants[node.inputs[2]], zeroPoint.count == 1,
        zeroPoint.codesFit(bounds, scale: scale.array(of: Float.self)[0])
      else { return nil }
      return QuantizedResult(
        codes: value, scale: node.inputs[1], zeroPoint: node.inputs[2],
        type: zeroPoint.elementType, absorbed: absorbed)
    }
    return nil
  }

  /// Whether the result of node `number` is read by a quantizer and nothing else.
  func isQuantized(behind number: Int) -> Bool {
    guard let reader = onlyReader(of: nodes[number].outputs[0]) else { return false }
    return nodes[reader].operatorType == "QuantizeLinear"
  }
}

extension Node {
  /// Whether the node is this operator without blocks and with its usual result.
  fileprivate func isOrdinary(_ wanted: String) -> Bool {
    guard operatorType == wanted, ["", "com.microsoft"].contains(domain), inputs.count >= 2 else {
      return false
    }
    return ["block_size", "output_dtype"].allSatisfy { name in
      if case .int(let value)? = attributes[name] { value == 0 } else { true }
    }
  }

  fileprivate var axis: Int {
    if case .int(let value)? = attributes["axis"] { value } else { 1 }
  }
}

extension Tensor {
  fileprivate var isZero: Bool {
    switch elementType {
    case .int8: array(of: Int8.self).allSatisfy { $0 == 0 }
    case .uint8: array(of: UInt8.self).allSatisfy { $0 == 0 }
    case .int32: array(of: Int32.self).allSatisfy { $0 == 0 }
    default: false
    }
  }

  /// Whether all codes by this zero point, of at most 8 bits, stand for numbers within `bounds`. ONNX Runtime
  /// allows one epsilon, which is far below half a step.
  fileprivate func codesFit(_ bounds: ClosedRange<Float>, scale: Float) -> Bool {
    let zeroPoint: Int
    switch elementType {
    case .int8, .int4, .int2: zeroPoint = Int(array(of: Int8.self)[0])
    case .uint8, .uint4, .uint2: zeroPoint = Int(array(of: UInt8.self)[0])
    default: return false
    }
    guard let range = elementType.integerRange else { return false }
    let lower = Float(range.lowerBound - zeroPoint) * scale
    let upper = Float(range.upperBound - zeroPoint) * scale
    return bounds.lowerBound <= lower + .ulpOfOne && bounds.upperBound >= upper - .ulpOfOne
  }
}
