import Graph
import Quantization
import Tensors

extension QuantizationPlan {
  /// Narrows quantizers behind Clip nodes to what the Clip lets through, where the target keeps the
  /// node.
  ///
  /// ONNX Runtime leaves out a Clip before QuantizeLinear, and computes the operator before it in
  /// integers, only where the quantizer alone cuts off as much. A scale of least squared error may
  /// reach a little beyond the bounds; then the operator would stay in float. Values that share a
  /// quantizer keep it where one of them is not clipped.
  mutating func fitQuantizersToClips(_ settings: QuantizationSettings) {
    guard settings.target == .qdq, settings.scales != .powerOfTwo else { return }
    for members in Dictionary(grouping: values.values, by: \.group).values {
      guard let quantizer = members[0].quantizer, quantizer.fillsItsType(settings.target),
        let widest = Self.union(members.map(\.clipping))
      else { continue }
      let fitted = quantizer.narrowed(to: widest)
      for name in values.keys where values[name]!.group == members[0].group {
        values[name]!.quantizer = fitted
      }
    }
  }

  private static func union(_ ranges: [ClosedRange<Float>?]) -> ClosedRange<Float>? {
    let known = ranges.compactMap { $0 }
    guard known.count == ranges.count, let first = known.first else { return nil }
    return known.dropFirst().reduce(first) {
      min($0.lowerBound, $1.lowerBound)...max($0.upperBound, $1.upperBound)
    }
  }

  /// Whether a Relu or Clip stays between node `number` and the quantizer of its result when ONNX
  /// Runtime has left out what it can.
  func isClippedInFloat(_ number: Int, in index: GraphIndex, target: Target) -> Bool {
    guard target == .qdq, let output = graph.nodes[number].outputs.first,
      let reader = index.onlyReader(of: output),
      case .fusedIntoQuantizer(let name) = decisions[reader], let value = values[name],
      let quantizer = value.quantizer, let clipping = value.clipping
    else { return false }
    let codes = CodeStorage.type(levels: quantizer.levels, target: target).integerRange
    return quantizer.reaches(beyond: clipping, codes: codes ?? 0...(quantizer.levels - 1))
  }
}

extension Quantizer {
  /// Whether every code of the type they are stored in is one of the quantizer's.
  fileprivate func fillsItsType(_ target: Target) -> Bool {
    CodeStorage.type(levels: levels, target: target).integerRange?.count == levels
  }

  /// Whether a value of `codes` lies outside `bounds`, in the arithmetic of ONNX Runtime.
  fileprivate func reaches(beyond bounds: ClosedRange<Float>, codes: ClosedRange<Int>) -> Bool {
    scale * Float(codes.lowerBound - zeroPoint) < bounds.lowerBound
      || scale * Float(codes.upperBound - zeroPoint) > bounds.upperBound
  }

  /// The quantizer with the largest scale, at most its own, that reaches beyond neither bound; the same
  /// where there is none.
  fileprivate func narrowed(to bounds: ClosedRange<Float>) -> Quantizer {
    let codes = 0...(levels - 1)
    guard reaches(beyond: bounds, codes: codes), bounds.contains(0) else { return self }
    var limit = scale
    if zeroPoint < levels - 1 {
      limit = min(limit, bounds.upperBound / Float(levels - 1 - zeroPoint))
    }
    if zeroPoint > 0 { limit = min(limit, -bounds.lowerBound / Float(zeroPoint)) }
    // A quotient that was rounded up gives a product beyond the bound.
    for candidate in [limit, limit.nextDown, limit.nextDown.nextDown]
    where Self.scaleRange.contains(candidate) {
      let fitted = Quantizer(scale: candidate, zeroPoint: zeroPoint, levels: levels)
      if !fitted.reaches(beyond: bounds, codes: codes) { return fitted }
    }
    return self
  }
}
