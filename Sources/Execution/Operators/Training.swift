import Graph
import Operations
import Tensors

extension OperatorTable {
  static let training: [any Operator.Type] = [
    ConvWeightGradient.self, MaxPoolGradient.self, FakeQuantize.self, FakeQuantizeGradient.self,
    BoundedFakeQuantize.self, BoundedBias.self,
  ]
}

/// From a convolution's input and the derivative of its output, the derivative of its weights.
struct ConvWeightGradient: Operator {
  static let signatures = [
    OperatorSignature(
      "ConvWeightGradient", domain: OperatorDomain.lowBit, inputs: 2...2,
      attributes: Conv.attributes)
  ]

  let attributes: WindowAttributes
  let groups: Int

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    groups = try node.groups()
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    for index in 0..<2 { try call.require(index, in: [.float32]) }
    let spatial = try call.spatialExtents()
    let (window, extents) = try attributes.window(over: spatial, call)
    let (x, dy) = (try call.value(0), try call.value(1))
    guard spatial.count <= 3, dy.shape.count == x.rank, dy.shape[0] == x.shape[0],
      Array(dy.shape[2...]) == extents, x.shape[1].isMultiple(of: groups),
      dy.shape[1].isMultiple(of: groups)
    else {
      throw call.invalid(
        "a derivative of shape \(dy.shape) for a convolution of \(x.shape) in \(groups) groups")
    }
    return call.results(
      try call.backend.convolutionWeightGradient(
        x, dy, Convolution(window: window, groups: groups)))
  }
}

/// From a maximum pool's input and the derivative of its output, the derivative of its input.
struct MaxPoolGradient: Operator {
  static let signatures = [
    OperatorSignature(
      "MaxPoolGradient", domain: OperatorDomain.lowBit, inputs: 2...2,
      attributes: WindowAttributes.attributes.merging(["ceil_mode": .int, "storage_order": .int]) {
        $1
      })
  ]

  let attributes: WindowAttributes

  init(_ node: NodeReader) throws { attributes = try WindowAttributes(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    for index in 0..<2 { try call.require(index, in: [.float32]) }
    let (window, extents) = try attributes.window(over: call.spatialExtents(), call)
    let (x, dy) = (try call.value(0), try call.value(1))
    guard dy.shape == Array(x.shape.prefix(2)) + extents else {
      throw call.invalid("a derivative of shape \(dy.shape) for a pool of \(x.shape)")
    }
    return call.results(
      try call.backend.maximumPoolGradient(
        x, dy, Pooling(.maximum, window: window, outputExtents: extents)))
  }
}

/// What FakeQuantize and its derivative share: inputs x, scale, zero point; attributes `levels` and,
/// for one scale a channel, `axis`.
private struct FakeQuantizer: Sendable {
  static let attributes: [String: OperatorSignature.Kind] = ["levels": .int, "axis": .int]

  let levels: Int
  let axis: Int

  init(_ node: NodeReader) throws {
    levels = try node.required("levels", node.int("levels"))
    axis = node.int("axis", default: 0)
    guard (2...65536).contains(levels) else { throw node.invalid("\(levels) levels") }
  }

  func layout<B>(_ call: OperatorCall<B>) throws -> QuantizationLayout {
    try call.require(0, in: [.float32])
    try call.require(1, in: [.float32])
    try call.require(2, in: [.int32])
    let (x, scale) = (try call.operand(0), try call.operand(1))
    let axis = scale.shape.isEmpty ? nil : try call.axis(axis, rank: x.shape.count)
    guard try call.operand(2).shape == scale.shape,
      axis.map({ scale.shape == [x.shape[$0]] }) ?? true
    else { throw call.invalid("scales of shape \(scale.shape) for an input of \(x.shape)") }
    return axis.map { .axis($0) } ?? .tensor
  }
}

/// A value as a quantizer brings it back.
struct FakeQuantize: Operator {
  static let signatures = [
    OperatorSignature(
      "FakeQuantize", domain: OperatorDomain.lowBit, inputs: 3...3,
      attributes: FakeQuantizer.attributes)
  ]

  private let quantizer: FakeQuantizer

  init(_ node: NodeReader) throws { quantizer = try FakeQuantizer(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let layout = try quantizer.layout(call)
    return call.results(
      try call.backend.fakeQuantize(
        call.value(0), scale: call.value(1), zeroPoint: call.value(2), layout: layout,
        levels: quantizer.levels))
  }
}

/// Its derivative, from the same inputs and the derivative of the output.
struct FakeQuantizeGradient: Operator {
  static let signatures = [
    OperatorSignature(
      "FakeQuantizeGradient", domain: OperatorDomain.lowBit, inputs: 4...4,
      attributes: FakeQuantizer.attributes)
  ]

  private let quantizer: FakeQuantizer

  init(_ node: NodeReader) throws { quantizer = try FakeQuantizer(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let layout = try quantizer.layout(call)
    return call.results(
      try call.backend.fakeQuantizeGradient(
        call.value(0), scale: call.value(1), zeroPoint: call.value(2), dy: call.value(3),
        layout: layout, levels: quantizer.levels))
  }
}
