import Tensors

extension GraphIndex {
  /// The bounds of a Relu or Clip node; `nil` when they are not constant.
  ///
  /// A quantizer is monotone, so cutting off before it and cutting the codes off after it are the same:
  /// `q(clip(x, a, b)) = clip(q(x), q(a), q(b))`.
  public func clippingBounds(of node: Node) -> ClosedRange<Float>? {
    if node.operatorType == "Relu" { return 0...Float.infinity }
    guard node.operatorType == "Clip" else { return nil }
    func bound(_ position: Int, _ attribute: String, _ otherwise: Float) -> Float? {
      if case .float(let value)? = node.attributes[attribute] { return value }
      guard position < node.inputs.count, !node.inputs[position].isEmpty else { return otherwise }
      guard let tensor = constants[node.inputs[position]], tensor.elementType == .float32,
        tensor.count == 1
      else { return nil }
      return tensor.array(of: Float.self)[0]
    }
    guard let lower = bound(1, "min", -.infinity), let upper = bound(2, "max", .infinity),
      lower <= upper
    else { return nil }
    return lower...upper
  }
}
