import Graph
import Operations
import Quantization
import PostTraining
public import Tensors

extension QuantizedSession {
  /// Parameters and the optimizer's state, codes, quantizers, and what is quantized.
  public func checkpoint() throws -> [String: Tensor] {
    var tensors = try trainer.checkpoint()
    tensors["session/stage"] = Tensor(scalar: Int64(current ?? -1))
    for (layer, codes) in zip(network.layers, state.weights) {
      let name = layer.weights.name
      tensors["weights/\(name)/codes"] = Tensor(codes.codes)
      tensors["weights/\(name)/frozen"] = Tensor(codes.isFrozen)
      // A row without a quantizer has the scale 0.
      tensors["weights/\(name)/scales"] = Tensor(codes.quantizers.map { $0?.scale ?? 0 })
    }
    for (activation, channels) in zip(network.activations, state.active) {
      tensors["activations/\(activation.value)/active"] = Tensor(channels)
      let quantizer = state.plan.values[activation.value]?.quantizer
      tensors["activations/\(activation.value)/scale"] = Tensor(scalar: quantizer?.scale ?? 0)
      tensors["activations/\(activation.value)/zero point"] = Tensor(
        scalar: Int64(quantizer?.zeroPoint ?? 0))
    }
    return tensors
  }

  /// Goes on from what ``checkpoint()`` gave a session of the same model and settings.
  public mutating func restore(_ checkpoint: [String: Tensor]) throws {
    func read<Scalar: TensorScalar>(
      _ name: String, _ type: Scalar.Type, count: Int? = nil
    ) throws -> [Scalar] {
      guard let tensor = checkpoint[name], tensor.elementType == Scalar.elementType,
        count.map({ $0 == tensor.count }) ?? true
      else {
        throw GraphError.invalid("the checkpoint is not of this network: '\(name)' does not fit")
      }
      return tensor.array(of: Scalar.self)
    }
    var restored = QuantizationState(network)
    let stage = Int(try read("session/stage", Int64.self, count: 1)[0])
    guard stage < stages.count, stage >= -1 else {
      throw GraphError.invalid("the checkpoint is of stage \(stage + 1) of \(stages.count)")
    }
    for (place, layer) in network.layers.enumerated() {
      let name = layer.weights.name
      let levels = layer.weights.levels
      restored.weights[place].codes = try read(
        "weights/\(name)/codes", Int8.self, count: restored.weights[place].codes.count)
      restored.weights[place].isFrozen = try read(
        "weights/\(name)/frozen", Bool.self, count: layer.filterCount)
      let scales = try read("weights/\(name)/scales", Float.self)
      guard scales.isEmpty || scales.count == layer.quantizerCount else {
        throw GraphError.invalid("the checkpoint is not of this network: scales of '\(name)'")
      }
      restored.weights[place].quantizers = try scales.map {
        guard $0 != 0 else { return nil }
        return try Self.quantizer($0, levels / 2, levels, of: name)
      }
    }
    for (place, activation) in network.activations.enumerated() {
      let name = "activations/\(activation.value)"
      restored.active[place] = try read(
        "\(name)/active", Bool.self, count: activation.channelCount)
      let scale = try read("\(name)/scale", Float.self, count: 1)[0]
      let zeroPoint = try read("\(name)/zero point", Int64.self, count: 1)[0]
      guard scale != 0, let levels = restored.plan.values[activation.value]?.levels else {
        continue
      }
      let quantizer = try Self.quantizer(scale, Int(zeroPoint), levels, of: activation.value)
      // What shares a group has the same.
      for (member, value) in restored.plan.values where value.group == activation.group {
        restored.plan.values[member]?.quantizer = quantizer
      }
    }
    state = restored
    current = stage < 0 ? nil : stage
    // The step first: what it renews is part of the trainer's state.
    if current != nil { try prepareStep(network.closed) }
    try trainer.restore(checkpoint)
    try checkSettledWeights(in: trainer.trainedTensors())
  }

  private static func quantizer(
    _ scale: Float, _ zeroPoint: Int, _ levels: Int, of name: String
  ) throws -> Quantizer {
    guard Quantizer.scaleRange.contains(scale), (0..<levels).contains(zeroPoint) else {
      throw GraphError.invalid(
        "the checkpoint is damaged: the quantizer of '\(name)' has scale \(scale)")
    }
    return Quantizer(scale: scale, zeroPoint: zeroPoint, levels: levels)
  }
}
