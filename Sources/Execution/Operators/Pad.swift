import Graph
import Operations
import Tensors

/// A border: attributes up to operator set 10, inputs since; `axes` since 18, `wrap` since 19.
struct Pad: Operator {
  static let signatures = [
    OperatorSignature(
      "Pad", until: 10, attributes: ["mode": .string, "pads": .ints, "value": .float]),
    OperatorSignature("Pad", since: 11, inputs: 2...4, attributes: ["mode": .string]),
  ]

  private enum Mode: Sendable { case constant, edge, reflect, wrap }

  private let mode: Mode
  private let pads: [Int]?
  private let value: Float

  init(_ node: NodeReader) throws {
    mode = try node.choice(
      "mode", default: "constant",
      ["constant": .constant, "edge": .edge, "reflect": .reflect, "wrap": .wrap])
    pads = node.ints("pads")
    value = node.float("value", default: 0)
    if node.opset < 11 { _ = try node.required("pads", pads) }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    let pads = try pads ?? call.integers(1)
    let axes =
      try call.optionalIntegers(3).map { named in
        try named.map { try call.axis($0, rank: x.rank) }
      } ?? Array(0..<x.rank)
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
      pads.allSatisfy({ $0.magnitude <= 1 << 40 })
    else {
      throw call.invalid("pads \(pads) for axes \(axes) of shape \(x.shape)")
    }
    var padding = Padding(
      before: x.shape.map { _ in 0 }, after: x.shape.map { _ in 0 }, mode: try paddingMode(call))
    for (index, axis) in axes.enumerated() {
      padding.before[axis] = pads[index]
      padding.after[axis] = pads[axes.count + index]
    }
    try check(padding, x.shape, call)
    return call.results(try call.backend.pad(x, padding))
  }

  private func paddingMode<B: Backend>(_ call: OperatorCall<B>) throws -> Padding.Mode {
    switch mode {
    case .constant: .constant(call.has(2) ? try call.scalar(2) : Double(value))
    case .edge: .edge
    case .reflect: .reflect
    case .wrap: .wrap
    }
  }

  private func check<B>(_ padding: Padding, _ shape: [Int], _ call: OperatorCall<B>) throws {
    let wrong = call.invalid(
      "pads \(padding.before) and \(padding.after) do not fit an input of shape \(shape)")
    var result = shape
    for axis in shape.indices {
      let (before, after) = (padding.before[axis], padding.after[axis])
      result[axis] += before + after
      // Cropping comes first, as in NumPy's order of slicing and padding.
      let kept = shape[axis] + min(before, 0) + min(after, 0)
      guard result[axis] >= 0, kept >= 0 else { throw wrong }
      guard max(before, after) > 0 else { continue }
      switch padding.mode {
      case .constant: break
      case .edge, .wrap: guard kept > 0 else { throw wrong }
      case .reflect: guard max(before, after) < kept || kept > 1 else { throw wrong }
      }
    }
    guard Shapes.count(result) != nil else { throw wrong }
  }
}
