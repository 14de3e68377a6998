import Graph
import Quantization
import Tensors

extension Emitter {
  /// Weight codes in the type that integer kernels take: sub-byte codes are packed in the file and
  /// cast, unless the target dequantizes them directly.
  mutating func weightCodes(_ number: Int) -> String {
    guard let plan = plan.weights[number], let weights = model.weights[number] else {
      preconditionFailure("node \(number) has no weights")
    }
    let packed = builder.constant(weights.codes, "\(plan.name)_quantized")
    guard weights.codes.elementType != .int8, target != .qdq else { return packed }
    return builder.node(
      "Cast", [packed], output: "\(plan.name)_int8",
      attributes: ["to": .int(CodeStorage.typeNumber(.int8))])
  }

  /// Scales and zero points (all 0) of a node's weights, a scalar or one a channel.
  mutating func weightParameters(_ number: Int) -> Parameters {
    guard let name = plan.weights[number]?.name, let weights = model.weights[number] else {
      preconditionFailure("node \(number) has no weights")
    }
    let shape = weights.axis == nil ? [] : [weights.quantizers.count]
    let type = target == .qdq ? weights.codes.elementType : .int8
    return Parameters(
      scale: builder.constant(
        Tensor(weights.quantizers.map(\.scale), shape: shape), "\(name)_scale"),
      zeroPoint: builder.constant(
        Tensor(repeating: Int8(0), shape: shape, as: type), "\(name)_zero_point"))
  }

  /// The weights of a node in float again, for a runtime to fuse or to compute with.
  mutating func dequantizedWeights(_ number: Int) -> String {
    guard let name = plan.weights[number]?.name, let weights = model.weights[number] else {
      preconditionFailure("node \(number) has no weights")
    }
    if let groupSize = weights.groupSize, let axis = weights.axis {
      return dequantizedGroups(number, weights, axis: axis, groupSize: groupSize)
    }
    let codes = weightCodes(number)
    let parameters = weightParameters(number)
    return builder.node(
      "DequantizeLinear", [codes, parameters.scale, parameters.zeroPoint],
      output: "\(name)_dequantized",
      attributes: weights.axis.map { ["axis": .int($0)] } ?? [:])
  }

  /// Blocked weights lie as a matrix with the output channels along one axis and the blocks along the
  /// other; the weights of a convolution get their shape back behind it.
  private mutating func dequantizedGroups(
    _ number: Int, _ weights: QuantizedWeights, axis: Int, groupSize: Int
  ) -> String {
    guard let name = plan.weights[number]?.name else { preconditionFailure("no weights") }
    let shape = weights.codes.shape
    let channels = shape[axis]
    let length = weights.codes.count / channels
    let groups = (length + groupSize - 1) / groupSize
    var scales = weights.quantizers.map(\.scale)
    if axis == 1 {
      scales = (0..<groups).flatMap { group in
        (0..<channels).map { weights.quantizers[$0 * groups + group].scale }
      }
    }
    let isMatrix = shape.count == 2
    let matrix = isMatrix ? weights.codes : weights.codes.reshaped(to: [channels, length])
    var codes = builder.constant(matrix, "\(name)_quantized")
    if matrix.elementType != .int8, target != .qdq {
      codes = builder.node(
        "Cast", [codes], output: "\(name)_int8",
        attributes: ["to": .int(CodeStorage.typeNumber(.int8))])
    }
    let scale = builder.constant(
      Tensor(scales, shape: axis == 0 ? [channels, groups] : [groups, channels]), "\(name)_scale")
    let dequantized = builder.node(
      "DequantizeLinear", [codes, scale], output: "\(name)_dequantized",
      attributes: ["axis": .int(1 - axis), "block_size": .int(min(groupSize, length))])
    guard !isMatrix else { return dequantized }
    let target = builder.constant(Tensor(shape.map(Int64.init)), "\(name)_shape")
    return builder.node("Reshape", [dequantized, target], output: "\(name)_reshaped")
  }

  /// The int32 bias of a node with the scale of its data times that of its weights; `nil` without
  /// bias or where the weights have no one scale a channel.
  mutating func biasCodes(_ number: Int) -> (codes: String, scale: [Float])? {
    guard let plan = plan.weights[number], let values = model.biases[number],
      let weights = model.weights[number], weights.groupSize == nil
    else { return nil }
    let bias = biasName(number)
    let dataScale = quantizer(of: index.nodes[number].inputs[0]).scale
    let check = BiasCheck(
      values: values, dataScale: dataScale,
      isPowerOfTwo: model.settings.scales == .powerOfTwo)
    let scales = weights.quantizers.map { dataScale * $0.scale }
    let codes = Tensor(check.codes(weights.quantizers), shape: [plan.outputChannels])
    return (builder.constant(codes, "\(bias)_quantized"), scales)
  }

  private func biasName(_ number: Int) -> String {
    plan.weights[number]?.bias ?? "\(index.nodes[number].outputs[0])_bias"
  }

  /// The bias of a node in float again.
  mutating func dequantizedBias(_ number: Int) -> String? {
    guard let values = model.biases[number] else { return nil }
    let bias = biasName(number)
    guard let (codes, scales) = biasCodes(number) else {
      return builder.constant(Tensor(values), "\(bias)_corrected")
    }
    let channels = plan.weights[number]?.outputChannels ?? 1
    let isPerChannel = scales.count > 1
    let all = isPerChannel ? (0..<channels).map { scales[$0 % scales.count] } : scales
    let scale = builder.constant(
      Tensor(all, shape: isPerChannel ? [channels] : []), "\(bias)_scale")
    return builder.node(
      "DequantizeLinear", [codes, scale], output: "\(bias)_dequantized",
      attributes: isPerChannel ? ["axis": .int(0)] : [:])
  }
}
