import Graph
import Operations
import Tensors

extension OperatorTable {
  static let normalizations: [any Operator.Type] = [
    BatchNormalization.self, InstanceNormalization.self, GroupNormalization.self,
    LayerNormalization.self, RMSNormalization.self, MeanVarianceNormalization.self,
    LocalResponseNormalization.self, LpNormalization.self,
  ]
}

/// Batch normalization with given statistics, or with those of the batch (`training_mode`).
struct BatchNormalization: Operator {
  static let signatures = [
    OperatorSignature(
      "BatchNormalization", until: 13, inputs: 5...5, outputs: 1...5,
      attributes: ["epsilon": .float, "momentum": .float, "spatial": .int]),
    OperatorSignature(
      "BatchNormalization", since: 14, inputs: 5...5, outputs: 1...3,
      attributes: ["epsilon": .float, "momentum": .float, "training_mode": .int]),
  ]

  let epsilon: Float
  let momentum: Float
  let isTraining: Bool

  init(_ node: NodeReader) throws {
    epsilon = node.float("epsilon", default: 1e-5)
    momentum = node.float("momentum", default: 0.9)
    isTraining = node.flag("training_mode")
    guard node.flag("spatial", default: true) else {
      throw node.unsupported("attribute 'spatial' is 0; only 1 is supported")
    }
    if !isTraining, (1..<5).contains(where: node.hasOutput) {
      throw node.unsupported(
        "running statistics are supported from operator set 14 in training mode")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let shape = try call.operand(0).shape
    guard shape.count >= 2 else {
      throw call.invalid("the input has shape \(shape), not [N, C, ...]")
    }
    for index in 1..<5 where try call.operand(index).shape != [shape[1]] {
      throw call.invalid(
        "input \(index) has shape \(try call.operand(index).shape), not [\(shape[1])]")
    }
    for index in 1..<5 { try call.require(index, in: OperatorCall<B>.floating) }
    return try isTraining ? train(call) : infer(call)
  }

  /// `x * factor + shift` with `factor = scale / sqrt(variance + epsilon)` and
  /// `shift = bias - mean * factor`, both computed on the host.
  private func infer<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    let type = x.elementType == .float64 ? ElementType.float64 : .float32
    let statistics = try (1..<5).map { index in
      try ReferenceBackend.shared.cast(call.tensor(index), to: type)
    }
    let (factor, shift) = Self.line(
      scale: statistics[0], bias: statistics[1], mean: statistics[2], variance: statistics[3],
      epsilon: epsilon)
    let result = try call.inFloat32(x.elementType, [x]) { operands in
      let factor = try call.alongChannels(call.backend.upload(factor), rank: x.rank)
      let shift = try call.alongChannels(call.backend.upload(shift), rank: x.rank)
      let product = try call.backend.combine(.multiply, operands[0], factor)
      return try call.backend.combine(.add, product, shift)
    }
    return call.results(result)
  }

  /// The factor and the shift, one a channel.
  static func line(
    scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Float
  ) -> (factor: Tensor, shift: Tensor) {
    let host = ReferenceBackend.shared
    let addend = host.cast(Tensor(scalar: epsilon), to: variance.elementType)
    let deviation = host.map(.squareRoot, host.combine(.add, variance, addend))
    let factor = host.combine(.divide, scale, deviation)
    let shift = host.combine(.subtract, bias, host.combine(.multiply, mean, factor))
    return (factor, shift)
  }

  private func train<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let backend = call.backend
    let x = try call.value(0)
    let axes = x.shape.indices.filter { $0 != 1 }
    let mean = try backend.reduce(.mean, x, axes: axes)
    let centred = try backend.combine(.subtract, x, mean)
    let variance = try backend.reduce(
      .mean, backend.combine(.multiply, centred, centred), axes: axes)
    let epsilon = try call.constant(Double(epsilon), of: x.elementType)
    let deviation = try backend.map(.squareRoot, backend.combine(.add, variance, epsilon))
    let normal = try backend.combine(.divide, centred, deviation)
    let scale = try call.alongChannels(call.value(1), rank: x.rank)
    let bias = try call.alongChannels(call.value(2), rank: x.rank)
    let result = try call.combine(.add, call.combine(.multiply, normal, scale), bias)
    return call.results(
      result, try running(mean, previous: call.value(3), call),
      try running(variance, previous: call.value(4), call))
  }

  /// `previous * momentum + current * (1 - momentum)`
  private func running<B: Backend>(
    _ current: B.Value, previous: B.Value, _ call: OperatorCall<B>
  ) throws -> B.Value {
    let type = previous.elementType
    let current = try call.backend.cast(
      call.backend.reshape(current, to: previous.shape), to: type)
    let kept = try call.combine(.multiply, previous, call.constant(Double(momentum), of: type))
    let gained = try call.combine(.multiply, current, call.constant(Double(1 - momentum), of: type))
    return try call.combine(.add, kept, gained)
  }
}

/// Normalization of every channel of every sample.
struct InstanceNormalization: Operator {
  static let signatures = [
    OperatorSignature("InstanceNormalization", inputs: 3...3, attributes: ["epsilon": .float])
  ]

  let epsilon: Float

  init(_ node: NodeReader) { epsilon = node.float("epsilon", default: 1e-5) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    try call.requireOneType(0..<3)
    _ = try call.spatialExtents()
    let x = try call.value(0)
    for index in 1..<3 where try call.operand(index).shape != [x.shape[1]] {
      throw call.invalid(
        "input \(index) has shape \(try call.operand(index).shape), not [\(x.shape[1])]")
    }
    let axes = Array(2..<x.rank)
    let normal = try call.backend.normalize(x, axes: axes, epsilon: epsilon)
    let scale = try call.alongChannels(call.value(1), rank: x.rank)
    let bias = try call.alongChannels(call.value(2), rank: x.rank)
    return call.results(try call.combine(.add, call.combine(.multiply, normal, scale), bias))
  }
}

/// Normalization of groups of channels of every sample; scale and bias are one a group up to
/// operator set 20, one a channel since.
struct GroupNormalization: Operator {
  static let signatures = [
    OperatorSignature(
      "GroupNormalization", since: 18, inputs: 3...3,
      attributes: ["epsilon": .float, "num_groups": .int, "stash_type": .int])
  ]

  let epsilon: Float
  let groups: Int
  let isPerGroup: Bool

  init(_ node: NodeReader) throws {
    epsilon = node.float("epsilon", default: 1e-5)
    groups = try node.required("num_groups", node.int("num_groups"))
    isPerGroup = node.opset < 21
    guard groups > 0 else { throw node.invalid("attribute 'num_groups' is \(groups)") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    try call.requireOneType(0..<3)
    _ = try call.spatialExtents()
    let x = try call.value(0)
    let channels = x.shape[1]
    guard channels % groups == 0 else {
      throw call.invalid("\(channels) channels cannot be cut into \(groups) groups")
    }
    let expected = isPerGroup ? groups : channels
    for index in 1..<3 where try call.operand(index).shape != [expected] {
      throw call.invalid(
        "input \(index) has shape \(try call.operand(index).shape), not [\(expected)]")
    }
    let backend = call.backend
    let inner = x.shape[2...].reduce(1, *)
    let grouped = try backend.reshape(x, to: [x.shape[0], groups, channels / groups, inner])
    let normal = try call.backend.normalize(grouped, axes: [2, 3], epsilon: epsilon)
    let lines = isPerGroup ? [1, groups, 1, 1] : [1, groups, channels / groups, 1]
    let scale = try backend.reshape(call.value(1), to: lines)
    let bias = try backend.reshape(call.value(2), to: lines)
    let result = try call.combine(.add, call.combine(.multiply, normal, scale), bias)
    return call.results(try backend.reshape(result, to: x.shape))
  }
}

/// Normalization over the axes from `axis` on.
struct LayerNormalization: Operator {
  static let signatures = [
    OperatorSignature(
      "LayerNormalization", since: 17, inputs: 2...3, outputs: 1...3,
      attributes: ["axis": .int, "epsilon": .float, "stash_type": .int])
  ]

  let axis: Int
  let epsilon: Float
  let wantsStatistics: Bool

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: -1)
    epsilon = node.float("epsilon", default: 1e-5)
    wantsStatistics = node.hasOutput(1) || node.hasOutput(2)
    guard node.int("stash_type", default: 1) == 1 else {
      throw node.unsupported("attribute 'stash_type' is not 1 (float32)")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    try call.requireOneType(0..<3)
    let backend = call.backend
    let x = try call.value(0)
    let axes = Array(try call.axis(axis, rank: x.rank)..<x.rank)
    let normal = try call.backend.normalize(x, axes: axes, epsilon: epsilon)
    var result = try call.combine(.multiply, normal, call.value(1))
    if let bias = try call.optional(2) { result = try call.combine(.add, result, bias) }
    guard result.shape == x.shape else {
      throw call.invalid("a scale or bias is larger than the input of shape \(x.shape)")
    }
    guard wantsStatistics else { return call.results(result) }
    let wide = x.elementType == .float64 ? x : try backend.cast(x, to: .float32)
    let mean = try backend.reduce(.mean, wide, axes: axes)
    let centred = try backend.combine(.subtract, wide, mean)
    let variance = try backend.reduce(
      .mean, backend.combine(.multiply, centred, centred), axes: axes)
    let shifted = try backend.combine(
      .add, variance, call.constant(Double(epsilon), of: wide.elementType))
    let inverse = try backend.map(.reciprocal, backend.map(.squareRoot, shifted))
    return call.results(result, mean, inverse)
  }
}

/// `x / sqrt(mean(x^2) + epsilon) * scale` over the axes from `axis` on.
struct RMSNormalization: Operator {
  static let signatures = [
    OperatorSignature(
      "RMSNormalization", since: 23, inputs: 2...2,
      attributes: ["axis": .int, "epsilon": .float, "stash_type": .int])
  ]

  let axis: Int
  let epsilon: Float

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: -1)
    epsilon = node.float("epsilon", default: 1e-5)
    guard node.int("stash_type", default: 1) == 1 else {
      throw node.unsupported("attribute 'stash_type' is not 1 (float32)")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    for index in 0..<2 { try call.require(index, in: OperatorCall<B>.floating) }
    let backend = call.backend
    let x = try call.value(0)
    let scale = try call.value(1)
    let axes = Array(try call.axis(axis, rank: x.rank)..<x.rank)
    let normal = try call.inFloat32(x.elementType, [x]) { operands in
      let squares = try backend.combine(.multiply, operands[0], operands[0])
      let mean = try backend.reduce(.mean, squares, axes: axes)
      let epsilon = try call.constant(Double(epsilon), of: operands[0].elementType)
      let root = try backend.map(.squareRoot, backend.combine(.add, mean, epsilon))
      return try backend.combine(.divide, operands[0], root)
    }
    return call.results(
      try call.combine(.multiply, backend.cast(normal, to: scale.elementType), scale))
  }
}

/// `(x - mean) / (deviation + 1e-9)` over `axes`, as the operator's function body has it.
struct MeanVarianceNormalization: Operator {
  static let signatures = [
    OperatorSignature("MeanVarianceNormalization", since: 9, attributes: ["axes": .ints])
  ]

  let axes: [Int]

  init(_ node: NodeReader) { axes = node.ints("axes") ?? [0, 2, 3] }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let backend = call.backend
    let x = try call.value(0)
    let axes = try call.axes(axes, rank: x.rank)
    let result = try call.inFloat32(x.elementType, [x]) { operands in
      let mean = try backend.reduce(.mean, operands[0], axes: axes)
      let centred = try backend.combine(.subtract, operands[0], mean)
      let squares = try backend.combine(.multiply, centred, centred)
      let deviation = try backend.map(.squareRoot, backend.reduce(.mean, squares, axes: axes))
      let shifted = try backend.combine(
        .add, deviation, call.constant(1e-9, of: operands[0].elementType))
      return try backend.combine(.divide, centred, shifted)
    }
    return call.results(result)
  }
}

/// Local response normalization across channels.
struct LocalResponseNormalization: Operator {
  static let signatures = [
    OperatorSignature(
      "LRN", attributes: ["alpha": .float, "beta": .float, "bias": .float, "size": .int])
  ]

  let size: Int
  let alpha: Float
  let beta: Float
  let bias: Float

  init(_ node: NodeReader) throws {
    size = try node.required("size", node.int("size"))
    alpha = node.float("alpha", default: 0.0001)
    beta = node.float("beta", default: 0.75)
    bias = node.float("bias", default: 1)
    guard (1...(1 << 20)).contains(size) else { throw node.invalid("attribute 'size' is \(size)") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating.subtracting([.float64]))
    _ = try call.spatialExtents()
    let x = try call.value(0)
    let result = try call.inFloat32(x.elementType, [x]) {
      try call.backend.localResponseNormalize(
        $0[0], size: size, alpha: alpha, beta: beta, bias: bias)
    }
    return call.results(result)
  }
}

/// `x` divided by its norm along an axis; zero where the norm is.
struct LpNormalization: Operator {
  static let signatures = [
    OperatorSignature("LpNormalization", attributes: ["axis": .int, "p": .int])
  ]

  let axis: Int
  let function: Reduction

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: -1)
    switch node.int("p", default: 2) {
    case 1: function = .l1
    case 2: function = .l2
    case let order: throw node.invalid("attribute 'p' is \(order), neither 1 nor 2")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let backend = call.backend
    let x = try call.value(0)
    let norm = try backend.reduce(function, x, axes: [try call.axis(axis, rank: x.rank)])
    let isZero = try backend.combine(.equal, norm, call.constant(0, of: x.elementType))
    let divisor = try backend.select(isZero, call.constant(1, of: x.elementType), norm)
    return call.results(try backend.combine(.divide, x, divisor))
  }
}
