import Graph
import Quantization
import Tensors

extension Emitter {
  /// Weights in groups, in float again: DequantizeLinear with blocks.
  ///
  /// Blocks lie along one axis of a matrix whose other axis is the output channels. Weights of more
  /// dimensions are that matrix with the channels in front, and get their shape back behind it.
  mutating func dequantizedGroups(
    _ number: Int, _ weights: QuantizedWeights, axis: Int, groupSize: Int
  ) -> String {
    guard let name = plan.weights[number]?.name else { preconditionFailure("no weights") }
    let shape = weights.codes.shape
    let channels = shape[axis]
    let length = weights.codes.count / channels
    let groups = (length + groupSize - 1) / groupSize
    let isMatrix = shape.count == 2
    let axisOfChannels = isMatrix ? axis : 0
    let matrix =
      isMatrix ? weights.codes : weights.codes.withFirst(axis).reshaped(to: [channels, length])
    /// What each group has, beside the groups of its channel.
    func perGroup<Element>(_ values: [Element]) -> (values: [Element], shape: [Int]) {
      guard axisOfChannels == 1 else { return (values, [channels, groups]) }
      return (
        (0..<groups).flatMap { group in (0..<channels).map { values[$0 * groups + group] } },
        [groups, channels]
      )
    }
    var operands = [builder.constant(matrix, "\(name)_quantized")]
    let isCast = casts(weights)
    if isCast {
      operands[0] = builder.node(
        "Cast", operands, output: "\(name)_int8",
        attributes: ["to": .int(CodeStorage.typeNumber(.int8))])
    }
    let scales = perGroup(weights.scales)
    operands.append(builder.constant(Tensor(scales.values, shape: scales.shape), "\(name)_scale"))
    if plan.weights[number]?.hasZeroPoints == true {
      let zeros = perGroup(weights.quantizers.map { Int8($0.signedZeroPoint) })
      operands.append(
        builder.constant(
          Tensor(zeros.values, shape: zeros.shape, as: isCast ? .int8 : matrix.elementType),
          "\(name)_zero_point"))
    }
    let dequantized = builder.node(
      "DequantizeLinear", operands, output: "\(name)_dequantized",
      attributes: ["axis": .int(1 - axisOfChannels), "block_size": .int(min(groupSize, length))])
    guard !isMatrix else { return dequantized }
    let target = builder.constant(
      Tensor(shape.movedToFront(axis).map(Int64.init)), "\(name)_shape")
    let reshaped = builder.node("Reshape", [dequantized, target], output: "\(name)_reshaped")
    guard axis != 0 else { return reshaped }
    var places = Array(1..<shape.count)
    places.insert(0, at: axis)
    return builder.node(
      "Transpose", [reshaped], output: "\(name)_transposed", attributes: ["perm": .ints(places)])
  }
}

extension [Int] {
  /// The list with its element at `place` in front.
  fileprivate func movedToFront(_ place: Int) -> [Int] {
    [self[place]] + self[..<place] + self[(place + 1)...]
  }
}

extension Tensor {
  /// Codes with `axis` as the first axis, the others in their order.
  fileprivate func withFirst(_ axis: Int) -> Tensor {
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    guard outer > 1 else { return reshaped(to: shape.movedToFront(axis)) }
    let codes = array(of: Int8.self)
    var moved: [Int8] = []
    moved.reserveCapacity(codes.count)
    for index in 0..<shape[axis] {
      for block in 0..<outer {
        let first = (block * shape[axis] + index) * inner
        moved += codes[first..<first + inner]
      }
    }
    return Tensor(moved, shape: shape.movedToFront(axis), as: elementType)
  }
}
