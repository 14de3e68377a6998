import Graph
import Operations
import Tensors

@testable import Execution

/// Numbers that look random and are the same everywhere.
struct SmallGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  /// A number of `range`.
  mutating func next(in range: ClosedRange<Int>) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int(state >> 33) % range.count
  }
}

/// Builds graphs of QuantizeLinear, DequantizeLinear and what lies between, from constants that
/// look random.
struct QuantizedGraphBuilder {
  var graph = Graph(opsets: ["": 21, "com.microsoft": 1])
  var generator: SmallGenerator
  /// The type of activation codes.
  var type = ElementType.uint8
  /// Whether narrow weights are dequantized without a Cast, and 16 levels stored as `uint4`.
  var storesNarrow = false
  /// Whether all scales are powers of two.
  var usesPowersOfTwo = false
  /// Whether zero is the middle code.
  var isSymmetric = false
  /// Scales by the codes that they belong to.
  private var scales: [String: Float] = [:]

  init(seed: UInt64) { generator = SmallGenerator(seed) }

  mutating func constant(_ name: String, _ tensor: Tensor) -> String {
    graph.initializers[name] = tensor
    return name
  }

  mutating func scale(_ exponent: Int) -> Float {
    let power = Float(sign: .plus, exponent: exponent, significand: 1)
    return usesPowersOfTwo ? power : power * (1 + Float(generator.next(in: 0...255)) / 256)
  }

  /// A zero point of the activations' type that leaves room on both sides.
  mutating func zeroPoint() -> Tensor {
    let code = isSymmetric ? 128 : generator.next(in: 20...200)
    return type == .int8 ? Tensor(scalar: Int8(code - 128)) : Tensor(scalar: UInt8(code))
  }

  /// A float input of `shape`.
  mutating func input(_ name: String, _ shape: [Int]) {
    graph.inputs.append(
      ValueInfo(name: name, elementType: .float32, shape: shape.map { .fixed($0) }))
  }

  /// Codes of the float `value`; cut off to `levels` codes from the lowest on.
  mutating func quantize(_ value: String, exponent: Int, levels: Int = 256) -> String {
    let codes = "\(value)_q"
    scales[codes] = scale(exponent)
    let parameters = [
      constant("\(codes)_s", Tensor(scalar: scales[codes] ?? 1)),
      constant("\(codes)_z", levels < 256 ? fewZeroPoint(levels) : zeroPoint()),
    ]
    graph.nodes.append(Node("QuantizeLinear", inputs: [value] + parameters, outputs: [codes]))
    guard levels < 256, !(storesNarrow && levels == 16) else { return codes }
    let lowest = type == .int8 ? -128 : 0
    let bounds = [lowest, lowest + levels - 1].map { bound in
      constant(
        "\(codes)_\(bound)",
        type == .int8 ? Tensor(scalar: Int8(bound)) : Tensor(scalar: UInt8(bound)))
    }
    let cut = "\(codes)_cut"
    graph.nodes.append(Node("Clip", inputs: [codes] + bounds, outputs: [cut]))
    scales[cut] = scales[codes]
    graph.initializers["\(cut)_s"] = graph.initializers["\(codes)_s"]
    graph.initializers["\(cut)_z"] = graph.initializers["\(codes)_z"]
    return cut
  }

  /// Codes of the float `value` by the quantizer of `others`.
  mutating func quantize(_ value: String, as others: String) -> String {
    let codes = "\(value)_q"
    scales[codes] = scales[others]
    let parameters = ["s", "z"].map { "\(codes)_\($0)" }
    for (name, part) in zip(parameters, ["s", "z"]) {
      graph.initializers[name] = graph.initializers["\(others)_\(part)"]
    }
    graph.nodes.append(Node("QuantizeLinear", inputs: [value] + parameters, outputs: [codes]))
    return codes
  }

  private mutating func fewZeroPoint(_ levels: Int) -> Tensor {
    let code = isSymmetric ? levels / 2 : generator.next(in: 0...(levels / 2))
    if storesNarrow, levels == 16 { return Tensor([UInt8(code)], shape: [], as: .uint4) }
    return type == .int8 ? Tensor(scalar: Int8(code - 128)) : Tensor(scalar: UInt8(code))
  }

  /// The floats that `codes` stand for.
  mutating func dequantize(_ codes: String) -> String {
    let result = "\(codes)_f"
    guard !graph.nodes.contains(where: { $0.outputs == [result] }) else { return result }
    graph.nodes.append(
      Node("DequantizeLinear", inputs: [codes, "\(codes)_s", "\(codes)_z"], outputs: [result]))
    return result
  }

  /// Dequantized weights of `shape` with one scale an index of axis 0; `bits` below 8 are packed and
  /// cast.
  mutating func weights(_ name: String, _ shape: [Int], bits: Int = 8, axis: Int = 0) -> String {
    let limit = 1 << (bits - 1)
    let codes = (0..<shape.reduce(1, *)).map { _ in
      Int8(generator.next(in: (bits == 8 ? -127 : -limit)...(limit - 1)))
    }
    let stored: ElementType = bits == 8 ? .int8 : bits == 4 ? .int4 : .int2
    var source = constant("\(name)_w", Tensor(codes, shape: shape, as: stored))
    if bits < 8, !storesNarrow {
      graph.nodes.append(
        Node("Cast", inputs: [source], outputs: ["\(name)_w8"], attributes: ["to": .int(3)]))
      source = "\(name)_w8"
    }
    let scales = (0..<shape[axis]).map { _ in scale(-7) }
    let parameters = [
      constant("\(name)_ws", Tensor(scales)),
      constant(
        "\(name)_wz",
        Tensor(repeating: Int8(0), shape: [shape[axis]], as: storesNarrow ? stored : .int8)),
    ]
    graph.nodes.append(
      Node(
        "DequantizeLinear", inputs: [source] + parameters, outputs: ["\(name)_wf"],
        attributes: ["axis": .int(axis)]))
    return "\(name)_wf"
  }

  /// A dequantized bias in units of the product's scale.
  mutating func bias(_ name: String, data codes: String, filters: Int) -> String {
    let units = (graph.initializers["\(name)_ws"]?.array(of: Float.self) ?? []).map {
      $0 * (scales[codes] ?? 1)
    }
    let values = (0..<filters).map { _ in Int32(generator.next(in: -900...900)) }
    let inputs = [
      constant("\(name)_b", Tensor(values)), constant("\(name)_bs", Tensor(units)),
    ]
    graph.nodes.append(
      Node(
        "DequantizeLinear", inputs: inputs, outputs: ["\(name)_bf"], attributes: ["axis": .int(0)]))
    return "\(name)_bf"
  }

  /// A convolution of `codes` with a kernel of `shape` into floats.
  mutating func convolution(
    _ name: String, _ codes: String, _ shape: [Int], bits: Int = 8,
    _ attributes: [String: Attribute] = [:]
  ) -> String {
    let data = dequantize(codes)
    let filters = weights(name, shape, bits: bits)
    let bias = bias(name, data: codes, filters: shape[0])
    graph.nodes.append(
      Node(
        name: name, "Conv", inputs: [data, filters, bias], outputs: ["\(name)_y"],
        attributes: attributes))
    return "\(name)_y"
  }

  /// A node of ONNX's own.
  mutating func node(
    _ operatorType: String, _ inputs: [String], _ output: String,
    _ attributes: [String: Attribute] = [:]
  ) -> String {
    graph.nodes.append(
      Node(name: output, operatorType, inputs: inputs, outputs: [output], attributes: attributes))
    return output
  }

  mutating func output(_ name: String, _ type: ElementType = .float32) {
    graph.outputs.append(ValueInfo(name: name, elementType: type))
  }

  /// Floats of `shape` within the range of most quantizers here.
  mutating func sample(_ shape: [Int]) -> Tensor {
    Tensor(
      (0..<shape.reduce(1, *)).map { _ in Float(generator.next(in: -3000...3000)) / 1000 },
      shape: shape)
  }
}

extension QuantizedGraphBuilder {
  /// A network of `[2, 3, 8, 8]` in which everything that has codes occurs.
  static func mixed(
    seed: UInt64, type: ElementType = .uint8, levels: Int = 256, powersOfTwo: Bool = false,
    averages: Bool = true, isSymmetric: Bool = false
  ) -> QuantizedGraphBuilder {
    var builder = QuantizedGraphBuilder(seed: seed)
    builder.type = type
    builder.usesPowersOfTwo = powersOfTwo
    builder.isSymmetric = isSymmetric
    builder.input("x", [2, 3, 8, 8])
    let first = builder.quantize("x", exponent: -6)
    let stem = builder.quantize(
      builder.convolution("stem", first, [5, 3, 3, 3], ["pads": .ints([1, 1, 1, 1])]),
      exponent: -4, levels: levels)
    let pooled = builder.quantize(
      builder.node(
        averages ? "AveragePool" : "MaxPool", [builder.dequantize(stem)], "pooled",
        ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]), exponent: -5)
    let activated = builder.quantize(
      builder.node("HardSwish", [builder.dequantize(pooled)], "activated"), exponent: -5)
    let left = builder.quantize(
      builder.convolution("left", activated, [6, 5, 1, 1], bits: 4), exponent: -4, levels: levels)
    let right = builder.quantize(
      builder.convolution(
        "right", activated, [6, 5, 3, 3], bits: 2, ["auto_pad": .string("SAME_LOWER")]),
      exponent: -3, levels: levels)
    let product = builder.quantize(
      builder.node(
        "Mul", [builder.dequantize(left), builder.dequantize(right)], "product"), exponent: -3)
    let joined = builder.quantize(
      builder.node(
        "Concat", [builder.dequantize(product), builder.dequantize(left)], "joined",
        ["axis": .int(1)]), exponent: -3)
    let slope = builder.constant(
      "slope", Tensor((1...12).map { Float($0) / 16 }, shape: [12, 1, 1]))
    let bent = builder.quantize(
      builder.node("PRelu", [builder.dequantize(joined), slope], "bent"), exponent: -3)
    let last = builder.quantize(
      builder.convolution("last", bent, [4, 12, 3, 3], bits: 4), exponent: -2)
    var end = builder.dequantize(last)
    if averages {
      let mean = builder.quantize(
        builder.node("GlobalAveragePool", [end], "mean"), exponent: -3)
      end = builder.dequantize(mean)
    }
    builder.output(end)
    return builder
  }
}
