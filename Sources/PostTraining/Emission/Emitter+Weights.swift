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
    guard casts(weights) else { return packed }
    return builder.node(
      "Cast", [packed], output: "\(plan.name)_int8",
      attributes: ["to": .int(CodeStorage.typeNumber(.int8))])
  }

  /// Whether sub-byte codes are cast to `int8` before they are dequantized.
  ///
  /// So ONNX Runtime computes with them in integers, which needs codes on both sides. Where weights alone are codes, it
  /// makes MatMulNBits of DequantizeLinear and MatMul, which in version 1.31 gives wrong numbers for `int2`.
  func casts(_ weights: QuantizedWeights) -> Bool {
    guard target != .qdq, weights.codes.elementType != .int8 else { return false }
    return model.settings.weightOnly == nil || weights.codes.elementType == .int2
  }

  /// Scales and zero points of a node's weights, a scalar or one a channel.
  mutating func weightParameters(_ number: Int) -> Parameters {
    guard let name = plan.weights[number]?.name, let weights = model.weights[number] else {
      preconditionFailure("node \(number) has no weights")
    }
    let shape = weights.axis == nil ? [] : [weights.quantizers.count]
    let type = casts(weights) ? .int8 : weights.codes.elementType
    return Parameters(
      scale: builder.constant(
        Tensor(weights.quantizers.map(\.scale), shape: shape), "\(name)_scale"),
      zeroPoint: builder.constant(
        Tensor(weights.quantizers.map { Int8($0.signedZeroPoint) }, shape: shape, as: type),
        "\(name)_zero_point"))
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

  /// The int32 bias of a node with the scale of its data times that of its weights; `nil` without
  /// bias or where the weights have no one scale a channel or the data no scale.
  mutating func biasCodes(_ number: Int) -> (codes: String, scale: [Float])? {
    guard let plan = plan.weights[number], let values = model.biases[number],
      let weights = model.weights[number], weights.groupSize == nil,
      let dataScale = self.plan.values[index.nodes[number].inputs[0]]?.quantizer?.scale
    else { return nil }
    let bias = biasName(number)
    let check = BiasCheck(
      values: values, dataScale: dataScale,
      isPowerOfTwo: model.settings.scales == .powerOfTwo)
    let scales = weights.quantizers.map { dataScale * $0.scale }
    let codes = Tensor(check.codes(weights.quantizers), shape: [plan.outputChannels])
    return (builder.constant(codes, "\(bias)_quantized"), scales)
  }

  func biasName(_ number: Int) -> String {
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
