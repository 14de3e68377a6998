import Graph
import Operations
import Tensors

/// What operators share that keep accumulators within a width: attributes `levels`, `axis` (the axis of
/// the filters), `bits`, `low`, `high` (the codes of the input) and `constraint`.
private struct BoundAttributes: Sendable {
  static let kinds: [String: OperatorSignature.Kind] = [
    "levels": .int, "axis": .int, "bits": .int, "low": .int, "high": .int, "constraint": .string,
  ]

  let bound: AccumulatorBound
  let levels: Int
  let axis: Int

  init(_ node: NodeReader) throws {
    levels = try node.required("levels", node.int("levels"))
    axis = node.int("axis", default: 0)
    let bits = try node.required("bits", node.int("bits"))
    let low = try node.required("low", node.int("low"))
    let high = try node.required("high", node.int("high"))
    guard (2...256).contains(levels), AccumulatorWidth.range.contains(bits),
      (-65535...0).contains(low), (0...65535).contains(high)
    else {
      throw node.invalid("\(levels) levels, \(bits) bits, codes of the input \(low)...\(high)")
    }
    let word = try node.required("constraint", node.string("constraint"))
    guard let constraint = AccumulatorConstraint(rawValue: word) else {
      throw node.invalid("attribute 'constraint' is '\(word)'")
    }
    bound = AccumulatorBound(bits: bits, inputs: low...high, constraint: constraint)
  }
}

/// The weights of a tensor filter by filter, with the scale of each.
private struct FilterScales {
  let axis: Int
  let shape: [Int]
  let scales: [Float]
  let dataScale: Float

  /// The operands are weights, their scales (one, or one a filter) and the scale of the data.
  init<B>(_ call: OperatorCall<B>, axis: Int) throws {
    for index in 0..<3 { try call.require(index, in: [.float32]) }
    shape = try call.operand(0).shape
    self.axis = try call.axis(axis, rank: shape.count)
    scales = try call.tensor(1).array(of: Float.self)
    dataScale = Float(try call.scalar(2))
    guard scales.count == 1 || scales.count == shape[self.axis] else {
      throw call.invalid("\(scales.count) scales for weights of shape \(shape)")
    }
  }

  var count: Int { shape[axis] }

  func scale(_ filter: Int) -> Float { scales[scales.count == 1 ? 0 : filter] }

  /// The places of a filter's weights.
  func places(_ filter: Int) -> [Int] {
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    return (0..<outer).flatMap { block in
      let first = (block * shape[axis] + filter) * inner
      return first..<first + inner
    }
  }

  /// Operand `index`, one bias a filter, as it is; `nil` where it is left out.
  func biases<B>(_ call: OperatorCall<B>, _ index: Int) throws -> [Float]? {
    guard call.has(index) else { return nil }
    try call.require(index, in: [.float32])
    let biases = try call.tensor(index)
    guard biases.count == count else {
      throw call.invalid("\(biases.count) biases for \(count) filters")
    }
    return biases.array(of: Float.self)
  }
}

/// Weights as their quantizers bring them back, with codes that keep an ``Graph/AccumulatorBound``.
///
/// Inputs: weights, scales, data scale, biases (optional). Outputs: the values, each value's derivative
/// by its scale, and the weights that were rounded.
struct BoundedFakeQuantize: Operator {
  static let signatures = [
    OperatorSignature(
      "BoundedFakeQuantize", domain: OperatorDomain.lowBit, inputs: 3...4, outputs: 3...3,
      attributes: BoundAttributes.kinds)
  ]

  private let attributes: BoundAttributes

  init(_ node: NodeReader) throws { attributes = try BoundAttributes(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.noteHostOperation("BoundedFakeQuantize")
    let filters = try FilterScales(call, axis: attributes.axis)
    let weights = try call.tensor(0).array(of: Float.self)
    let biases = try filters.biases(call, 3)
    let places = (0..<filters.count).map(filters.places)
    let found = (0..<filters.count).map { filter in
      let scale = filters.scale(filter)
      return attributes.bound.filter(
        places[filter].map { weights[$0] }, scale: scale, levels: attributes.levels,
        bias: biases.map {
          AccumulatorBound.biasCode($0[filter], dataScale: filters.dataScale, weightScale: scale)
        } ?? 0)
    }
    var values = [Float](repeating: 0, count: weights.count)
    var (slopes, rounded) = (values, values)
    for (filter, own) in found.enumerated() {
      for (index, place) in places[filter].enumerated() {
        // A weight that is not a number stays one, so that the loss shows it.
        values[place] =
          weights[place].isNaN ? .nan : Float(own.codes[index]) * filters.scale(filter)
        slopes[place] = own.slopes[index]
        rounded[place] = own.rounded[index]
      }
    }
    return call.results(
      host: Tensor(values, shape: filters.shape), Tensor(slopes, shape: filters.shape),
      Tensor(rounded, shape: filters.shape))
  }
}

/// Biases, each the nearest one that fits the accumulator beside its filter's weights.
///
/// Inputs: the values of weights that are codes times scales, scales, data scale, biases.
struct BoundedBias: Operator {
  static let signatures = [
    OperatorSignature(
      "BoundedBias", domain: OperatorDomain.lowBit, inputs: 4...4,
      attributes: BoundAttributes.kinds)
  ]

  private let attributes: BoundAttributes

  init(_ node: NodeReader) throws { attributes = try BoundAttributes(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.noteHostOperation("BoundedBias")
    let filters = try FilterScales(call, axis: attributes.axis)
    let values = try call.tensor(0).array(of: Float.self)
    let shape = try call.operand(3).shape
    let biases = try filters.biases(call, 3) ?? []
    let largest = Float(attributes.levels)
    let bounded = biases.enumerated().map { filter, bias -> Float in
      let scale = filters.scale(filter)
      let codes = filters.places(filter).lazy.map { place -> Int in
        let code = (values[place] / scale).rounded(.toNearestOrEven)
        return code.isNaN ? 0 : Int(min(max(code, -largest), largest))
      }
      return AccumulatorBound.bounded(
        bias, to: attributes.bound.biases(beside: codes), dataScale: filters.dataScale,
        weightScale: scale)
    }
    return call.results(host: Tensor(bounded, shape: shape))
  }
}
