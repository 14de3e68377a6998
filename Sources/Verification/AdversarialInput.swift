import Execution
import Graph
import Operations
import Tensors

/// Inputs of one layer that drive the accumulator of every filter to both ends of its interval, and the
/// layer alone as a graph that takes them.
///
/// A filter's sum is linear in its input codes, each of which is free: it is largest where every positive
/// weight meets the largest code and every negative one the smallest (`x = sign(w) * max` of Colbert et
/// al., A2Q, for codes with a zero point). The inputs have the size of the window, so that the result is
/// one pixel, and filters of different groups share them.
struct AdversarialInput {
  /// Sums, and where the layer makes codes of them these too, from ``inputs``.
  private(set) var graph: Graph
  /// A tensor for every input of ``graph``, images `2 f` and `2 f + 1` for filter `f` of every group.
  private(set) var inputs: [String: Tensor] = [:]
  /// Filters that share images: those at the same place in their groups.
  let filtersOfGroup: Int

  /// The number of inputs.
  var count: Int { 2 * filtersOfGroup }
  /// The name of the sums, `int32` `[count, filters, 1, 1]` or `[count, 1]`.
  static let sums = "sums"

  private init(filtersOfGroup: Int) {
    self.filtersOfGroup = filtersOfGroup
    graph = Graph(opsets: ["": 21, OperatorDomain.lowBit: 1])
  }

  // MARK: Packed codes

  /// The inputs of a convolution or product of packed codes with constant weights.
  ///
  /// - Parameters:
  ///   - node: The ConvolvePacked or SumPacked of the network that computes `layer`.
  ///   - constants: The network's constants.
  /// - Returns: `nil` for other nodes.
  init?(packed node: Node, _ layer: IntegerLayer, constants: [String: Tensor]) {
    guard ["ConvolvePacked", "SumPacked"].contains(node.operatorType),
      let window = AdversarialWindow(node, constants: constants)
    else { return nil }
    self.init(filtersOfGroup: window.shape[0] / window.groups)
    graph.initializers = constants.filter { node.inputs.dropFirst().contains($0.key) }
    inputs["codes"] = window.codes(for: layer, images: count)
    graph.inputs = [
      ValueInfo(
        name: "codes", elementType: .uint8, shape: inputs["codes"]?.shape.map { .fixed($0) })
    ]
    graph.nodes.append(pack("codes", node, ""))
    var sum = node
    sum.operatorType = "SumPacked"
    sum.inputs = [packed("codes")] + node.inputs.dropFirst().prefix(2)
    sum.outputs = [Self.sums]
    sum.attributes = window.attributes.merging(["rank": .int(4)]) { $1 }
    graph.nodes.append(sum)
    graph.outputs = [ValueInfo(name: Self.sums, elementType: .int32)]
    if node.operatorType == "ConvolvePacked" { appendCodes(of: node, window) }
  }

  /// The layer itself, with its rounding and its summand.
  private mutating func appendCodes(of node: Node, _ window: AdversarialWindow) {
    var whole = node
    whole.inputs[0] = packed("codes")
    whole.outputs = [packed("result")]
    whole.attributes = node.attributes.merging(window.placement) { $1 }
    for name in AdversarialWindow.border { whole.attributes[name] = nil }
    if node.inputs.count > 6, !node.inputs[6].isEmpty {
      let shape = [count, window.shape[0], 1, 1]
      let largest = min(node.int("residual_maximum") ?? 255, 255)
      var generator = CodeGenerator(seed: UInt64(count))
      inputs["other"] = Tensor(
        (0..<shape.reduce(1, *)).map { _ in UInt8(generator.next(in: 0...largest)) }, shape: shape)
      graph.inputs.append(
        ValueInfo(name: "other", elementType: .uint8, shape: shape.map { .fixed($0) }))
      graph.nodes.append(pack("other", node, "residual_"))
      whole.inputs[6] = packed("other")
    }
    graph.nodes += [
      whole,
      Node(
        "UnpackCodes", domain: OperatorDomain.lowBit, inputs: [packed("result")],
        outputs: ["result"],
        attributes: facts(of: node, "result_").merging([
          "type": .string("uint8"), "rank": .int(4),
        ]) { $1 }),
    ]
    graph.outputs.append(ValueInfo(name: "result", elementType: .uint8))
  }

  private func packed(_ name: String) -> String { "\(name)_packed" }

  private func pack(_ name: String, _ node: Node, _ prefix: String) -> Node {
    Node(
      "PackCodes", domain: OperatorDomain.lowBit, inputs: [name], outputs: [packed(name)],
      attributes: facts(of: node, prefix))
  }

  /// What `node` says of packed codes under `prefix`, as PackCodes and UnpackCodes have it.
  private func facts(of node: Node, _ prefix: String) -> [String: Attribute] {
    ["channels", "bits", "zero_point"].reduce(into: [:]) { facts, name in
      facts[name] = node.attributes["\(prefix)\(name)"]
    }
  }

  // MARK: Plain codes

  /// The inputs of a product of two computed factors: both at their ends, a column for every filter.
  ///
  /// - Parameters:
  ///   - layer: The product; there is no input where it has no bound.
  ///   - zeroPoints: The zero points of the factors' plain codes.
  ///   - types: Their types, `int8` or `uint8`.
  init?(
    plain layer: IntegerLayer, types: (ElementType, ElementType), zeroPoints: (Int, Int)
  ) {
    guard let factors = layer.factors, let terms = layer.terms, terms > 0, !layer.filters.isEmpty
    else { return nil }
    let columns = layer.filters.count
    self.init(filtersOfGroup: 1)
    let pairs = [layer.inputs.lowerBound, layer.inputs.upperBound].flatMap { a in
      [factors.lowerBound, factors.upperBound].map { (a, $0) }
    }
    guard let least = pairs.min(by: { $0.0 * $0.1 < $1.0 * $1.1 }),
      let most = pairs.max(by: { $0.0 * $0.1 < $1.0 * $1.1 })
    else { return nil }
    // MatMulInteger has one zero point a factor: the two inputs are two matrices.
    let a = [least.0, most.0].flatMap { Array(repeating: $0 + zeroPoints.0, count: terms) }
    let b = [least.1, most.1].flatMap {
      Array(repeating: $0 + zeroPoints.1, count: terms * columns)
    }
    inputs = [
      "a": Self.plain(a, [2, 1, terms], types.0),
      "b": Self.plain(b, [2, terms, columns], types.1),
    ]
    graph.initializers = [
      "a_zero": Self.plain([zeroPoints.0], [], types.0),
      "b_zero": Self.plain([zeroPoints.1], [], types.1),
    ]
    graph.inputs = zip(["a", "b"], [types.0, types.1]).map { name, type in
      ValueInfo(name: name, elementType: type, shape: inputs[name]?.shape.map { .fixed($0) })
    }
    graph.nodes = [
      Node("MatMulInteger", inputs: ["a", "b", "a_zero", "b_zero"], outputs: [Self.sums])
    ]
    graph.outputs = [ValueInfo(name: Self.sums, elementType: .int32)]
  }

  private static func plain(_ codes: [Int], _ shape: [Int], _ type: ElementType) -> Tensor {
    type == .int8
      ? Tensor(codes.map { Int8($0) }, shape: shape) : Tensor(codes.map { UInt8($0) }, shape: shape)
  }
}

/// The window of a product of packed codes, and codes that fill it.
struct AdversarialWindow {
  /// Attributes that say where windows lie; a single window lies nowhere.
  static let border = ["pads", "auto_pad"]

  /// `[filters, channels of a group, height, width]`
  let shape: [Int]
  let groups: Int
  /// Where windows lie: one, over all of the input.
  let placement: [String: Attribute]
  /// The attributes of a SumPacked over one window.
  let attributes: [String: Attribute]
  private let dilations: [Int]
  private let zeroPoint: Int
  private let hasBorder: Bool
  /// Weights less their zero points.
  private let weights: [Int]

  init?(_ node: Node, constants: [String: Tensor]) {
    guard case .ints(let shape)? = node.attributes["weight_shape"], shape.count == 4,
      let zeroPoint = node.int("zero_point"), node.inputs.count > 1,
      let stored = constants[node.inputs[1]]
    else { return nil }
    self.shape = shape
    self.zeroPoint = zeroPoint
    groups = node.int("group") ?? 1
    dilations = node.ints("dilations") ?? [1, 1]
    placement = ["strides": .ints([1, 1])]
    let own = [
      "channels", "bits", "zero_point", "maximum", "weight_shape", "weight_type", "kernel_shape",
      "dilations", "group",
    ]
    attributes = node.attributes.filter { own.contains($0.key) }.merging(placement) { $1 }
    hasBorder = node.attributes.hasBorder
    var codes = stored
    if case .string(let word)? = node.attributes["weight_type"] {
      let narrow: [ElementType] = [.int4, .uint4, .int2, .uint2]
      guard let type = narrow.first(where: { "\($0)" == word }) else { return nil }
      codes = stored.unpackedRows(as: type, shape: shape)
    }
    let zeros =
      node.inputs.count > 2 && !node.inputs[2].isEmpty
      ? constants[node.inputs[2]]?.integers() ?? [0] : [0]
    let length = shape.dropFirst().reduce(1, *)
    weights = codes.integers().enumerated().map {
      $1 - zeros[zeros.count == 1 ? 0 : $0 / length]
    }
  }

  /// Codes as stored, `uint8` `[images, channels, height, width]`: image `2 f` drives filter `f` of every
  /// group to its least sum, image `2 f + 1` to its largest.
  func codes(for layer: IntegerLayer, images: Int) -> Tensor {
    // What a border counts as is a code like any other for the taps that lie there.
    let low = hasBorder ? min(layer.inputs.lowerBound, 0) : layer.inputs.lowerBound
    let high = hasBorder ? max(layer.inputs.upperBound, 0) : layer.inputs.upperBound
    let (perGroup, height, width) = (shape[1], shape[2], shape[3])
    let rows = (height - 1) * dilations[0] + 1
    let columns = (width - 1) * dilations[1] + 1
    let channels = perGroup * groups
    let plane = rows * columns
    let filters = shape[0] / groups
    // Between dilated taps nothing is read.
    var codes = [UInt8](
      repeating: UInt8(min(max(zeroPoint, 0), 255)), count: images * channels * plane)
    for filter in 0..<shape[0] {
      let group = filter / filters
      for channel in 0..<perGroup {
        for tap in 0..<height * width {
          let weight = weights[(filter * perGroup + channel) * height * width + tap]
          let place = tap / width * dilations[0] * columns + tap % width * dilations[1]
          for end in 0...1 {
            let isHigh = (weight > 0) == (end == 1)
            let image = 2 * (filter % filters) + end
            codes[(image * channels + group * perGroup + channel) * plane + place] = UInt8(
              zeroPoint + (isHigh ? high : low))
          }
        }
      }
    }
    return Tensor(codes, shape: [images, channels, rows, columns])
  }
}

extension Node {
  /// An integer attribute.
  func int(_ name: String) -> Int? {
    if case .int(let value)? = attributes[name] { value } else { nil }
  }

  /// An attribute of several integers.
  func ints(_ name: String) -> [Int]? {
    if case .ints(let values)? = attributes[name] { values } else { nil }
  }
}

/// Codes that look random and are the same everywhere: Knuth's multiplier for 64 bits.
struct CodeGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  /// A number of `range`.
  mutating func next(in range: ClosedRange<Int>) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int(state >> 33) % range.count
  }
}
