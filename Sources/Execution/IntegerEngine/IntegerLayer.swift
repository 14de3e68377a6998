public import Graph
import Operations
import Tensors

/// A product of codes of an ``IntegerNetwork``.
public struct IntegerLayer: Sendable, Hashable {
  /// The node's label in the model.
  public var name: String
  /// The operator that the integer engine runs, as ONNX names it.
  public var operatorType: String
  /// Whether its codes are packed, channels last.
  public var isPacked: Bool
  /// Bits of a weight as it is stored; `nil` where both factors are computed.
  public var weightBits: Int?
  /// The codes that its input can have, less their zero point.
  public var inputs: ClosedRange<Int>
  /// The codes that the second factor can have, less their zero point; `nil` where the filters are known.
  public var factors: ClosedRange<Int>?
  /// The number of products in a sum; `nil` where it depends on data.
  public var terms: Int?
  /// What is added to the sums, one number a filter; empty for nothing. Where both factors are computed,
  /// every element of the bias has an interval of its own, as if it were a filter's.
  public var bias: [Int32] = []
  /// One interval a filter; empty where no bound is known, since the number of terms or the bias depends
  /// on data.
  public var filters: [AccumulatorInterval]
  /// How many products of a filter, whichever they are, sums of 16 bits hold, of the filter with the fewest;
  /// `nil` where the weights are not constant.
  public var depthOf16Bits: Int?

  /// What the accumulators of all filters can hold.
  public var accumulator: AccumulatorInterval? {
    guard let first = filters.first else { return nil }
    return filters.dropFirst().reduce(first) { $0.union($1) }
  }
}

extension PackedWeights {
  /// The fewest products of a filter after which sums of 16 bits may be full.
  func depthOf16Bits(inputs: ClosedRange<Int>, hasBorder: Bool) -> Int? {
    filterWeights.map {
      AccumulatorInterval.depth(weights: $0, inputs: inputs, hasBorder: hasBorder, bits: 16)
    }.min()
  }

  /// The weights of every filter, less its zero point.
  private var filterWeights: [[Int]] {
    let numbers = codes.integers()
    let zeros = zeroPoint?.integers() ?? [0]
    let length = numbers.count / filters
    return (0..<filters).map { filter in
      let zero = zeros[zeros.count == 1 ? 0 : filter]
      return numbers[filter * length..<(filter + 1) * length].map { $0 - zero }
    }
  }

  /// The accumulators of the filters for inputs within `inputs`.
  func intervals(
    inputs: ClosedRange<Int>, hasBorder: Bool, bias: [Int32]?
  ) -> [AccumulatorInterval] {
    filterWeights.enumerated().map { filter, weights in
      AccumulatorInterval(
        weights: weights, inputs: inputs, hasBorder: hasBorder,
        bias: bias.map { Int($0[filter]) } ?? 0)
    }
  }
}

extension PackedWriter {
  /// Notes a product with constant weights.
  mutating func note(
    _ node: Node, _ x: PackedForm, _ weights: PackedWeights, input: String, bias: String,
    hasBorder: Bool
  ) {
    let codes = ranges[input] ?? x.type.storedCodes
    let inputs = codes.lowerBound - x.facts.zeroPoint...codes.upperBound - x.facts.zeroPoint
    let values = bias.isEmpty ? nil : initializers[bias]?.array(of: Int32.self)
    layers.append(
      IntegerLayer(
        name: node.label, operatorType: node.operatorType, isPacked: true,
        weightBits: weights.codes.elementType.bitCount, inputs: inputs,
        terms: weights.codes.count / weights.filters, bias: values ?? [],
        filters: weights.intervals(inputs: inputs, hasBorder: hasBorder, bias: values),
        depthOf16Bits: weights.depthOf16Bits(inputs: inputs, hasBorder: hasBorder)))
  }

  /// Notes a product of codes that stay plain.
  mutating func notePlain(_ node: Node) {
    let places: (a: Int, aZero: Int, b: Int, bZero: Int)
    switch node.operatorType {
    case "QLinearConv", "QLinearMatMul", "QGemm": places = (0, 2, 3, 5)
    case "MatMulInteger", "ConvInteger": places = (0, 2, 1, 3)
    default: return
    }
    func codes(_ place: Int, _ zero: Int) -> ClosedRange<Int>? {
      guard place < node.inputs.count else { return nil }
      let value = node.inputs[place]
      guard let type = constants[value]?.elementType ?? values[value]?.elementType else {
        return nil
      }
      var zeroPoint = 0
      if zero < node.inputs.count, !node.inputs[zero].isEmpty {
        guard let tensor = constants[node.inputs[zero]], tensor.count == 1 else { return nil }
        zeroPoint = tensor.integers()[0]
      }
      let shift = zeroPoint + type.codeOffset(bits: 8)
      let range = range(of: value)
      return range.lowerBound - shift...range.upperBound - shift
    }
    let a = codes(places.a, places.aZero)
    var layer = IntegerLayer(
      name: node.label, operatorType: node.operatorType, isPacked: false,
      weightBits: constants.codes(node.inputs[places.b])?.elementType.bitCount,
      inputs: a ?? -255...255, filters: [])
    if let a, let b = codes(places.b, places.bZero), !node.operatorType.contains("Conv"),
      case .fixed(let count)? = summed(of: node, values[node.inputs[places.a]]?.shape)
    {
      (layer.factors, layer.terms) = (b, count)
      if let bias = plainBias(of: node) {
        layer.bias = bias
        layer.filters = (bias.isEmpty ? [0] : bias).map {
          AccumulatorInterval(count: count, a, b, bias: Int($0))
        }
      }
    }
    layers.append(layer)
  }

  /// The dimension of the first factor, of `shape`, that products are summed over.
  private func summed(of node: Node, _ shape: [Dimension]?) -> Dimension? {
    let isTransposed = (node.attributes["transA"] ?? .int(0)) != .int(0)
    return isTransposed ? shape?.dropLast().last : shape?.last
  }

  /// What a product of plain codes adds to its sums: empty for nothing, `nil` where it depends on data.
  private func plainBias(of node: Node) -> [Int32]? {
    guard node.operatorType == "QGemm", node.inputs.count > 6, !node.inputs[6].isEmpty else {
      return []
    }
    guard let bias = constants[node.inputs[6]], bias.elementType == .int32 else { return nil }
    return bias.array(of: Int32.self)
  }

  // MARK: Codes that occur

  /// Notes what codes a plain node writes: those that it reads, where it moves or cuts them off.
  mutating func noteRange(_ node: Node) {
    guard node.domain.isEmpty, let output = node.outputs.first, let first = node.inputs.first else {
      return
    }
    switch node.operatorType {
    case "Clip":
      guard let type = values[first]?.elementType, CodeTypes.bytes.contains(type),
        let bounds = codeBounds(of: node, type), bounds.overlaps(range(of: first))
      else { return }
      ranges[output] = bounds.clamped(to: range(of: first))
    case "Concat":
      let all = node.inputs.map { range(of: $0) }
      guard let low = all.map(\.lowerBound).min(), let high = all.map(\.upperBound).max() else {
        return
      }
      ranges[output] = low...high
    case "Pad":
      guard node.attributes["mode"] ?? .string("constant") == .string("constant") else {
        ranges[output] = ranges[first]
        return
      }
      guard let type = values[first]?.elementType, let filling = paddingCode(of: node, type) else {
        return
      }
      let codes = range(of: first)
      ranges[output] = min(codes.lowerBound, filling)...max(codes.upperBound, filling)
    case "Resize", "Upsample":
      if node.isNearest { ranges[output] = ranges[first] }
    case let type where Self.keepsCodes.contains(type):
      for output in node.outputs { ranges[output] = ranges[first] }
    default: return
    }
  }

  /// Operators whose results are elements of their first operand.
  private static let keepsCodes: Set<String> = [
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Slice", "Gather",
    "Split", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "MaxPool",
  ]

  /// The codes, as stored, that `value` can have.
  func range(of value: String) -> ClosedRange<Int> { ranges[value] ?? 0...255 }
}
