import Bitstream
import Graph
import Tensors

extension NetworkTopology {
  /// The graph of a topology; what is signalled is 0, scales are 1.
  ///
  /// Nodes and values get names of their own.
  ///
  /// - Parameters:
  ///   - bytes: What ``bytes(of:)`` wrote.
  ///   - limit: The most elements that signalled constants may have together: as many as numbers came for
  ///     them, because their shapes alone would make tensors of any size.
  /// - Throws: `BitstreamError` naming the syntax element.
  static func graph(_ bytes: [UInt8], limit: Int) throws(BitstreamError) -> Graph {
    var reader = TopologyReader(bytes, limit: limit)
    return try reader.graph()
  }
}

/// Reads a topology.
private struct TopologyReader {
  var reader: BitReader
  /// Elements that signalled constants to come may have.
  var remaining: Int
  var names: [String] = []
  var texts: [String] = []
  var initializers: [String: Tensor] = [:]

  init(_ bytes: [UInt8], limit: Int) {
    reader = BitReader(bytes)
    remaining = limit
  }

  mutating func graph() throws(BitstreamError) -> Graph {
    let version = try reader.unsigned(8, "nnt_version")
    guard version == NetworkTopology.version else {
      throw reader.error("nnt_version", "version \(version) is not known, 1 is")
    }
    var graph = Graph(name: "network", opsets: [:])
    for _ in 0..<(try count("nnt_num_opsets", bits: 2)) {
      let domain = try text("nnt_domain")
      graph.opsets[domain] = try reader.unsignedGolomb(in: 1...1 << 16, "nnt_opset_version")
    }
    for _ in 0..<(try count("nnt_num_inputs", bits: 6)) {
      var input = try value()
      input.name = named()
      graph.inputs.append(input)
    }
    let nodes = try count("nnt_num_nodes", bits: 5)
    guard nodes <= NetworkTopology.mostNodes else {
      throw reader.error("nnt_num_nodes", "\(nodes) are more than \(NetworkTopology.mostNodes)")
    }
    for number in 0..<nodes {
      graph.nodes.append(
        try inside("node \(number)") { () throws(BitstreamError) in try node(number) })
    }
    for _ in 0..<(try count("nnt_num_outputs", bits: 7)) {
      var output = try value()
      output.name = try reference()
      graph.outputs.append(output)
    }
    try reader.stopBit("nnt_alignment")
    try reader.end("nnt_alignment")
    graph.initializers = initializers
    return graph
  }

  private mutating func node(_ number: Int) throws(BitstreamError) -> Node {
    let operatorType = try text("nnt_operator")
    var node = Node(
      name: "\(operatorType)_\(number)", operatorType, domain: try text("nnt_domain"), inputs: [],
      outputs: [])
    for _ in 0..<(try count("nnt_num_attributes", bits: 5)) {
      let name = try text("nnt_attribute_name")
      node.attributes[name] = try attribute()
    }
    for _ in 0..<(try count("nnt_num_node_inputs", bits: 1)) {
      node.inputs.append(try reference())
    }
    for _ in 0..<(try count("nnt_num_node_outputs", bits: 1)) {
      node.outputs.append(try reader.flag("nnt_output_flag") ? named() : "")
    }
    guard node.outputs.contains(where: { !$0.isEmpty }) else {
      throw reader.error("nnt_output_flag", "the node (\(operatorType)) writes nothing")
    }
    return node
  }

  private mutating func attribute() throws(BitstreamError) -> Attribute {
    let number = try reader.unsigned(3, "nnt_attribute_kind")
    guard let code = AttributeCode(rawValue: number) else {
      throw reader.error("nnt_attribute_kind", "\(number) is reserved")
    }
    switch code {
    case .int: return .int(try integer())
    case .float: return .float(try float())
    case .string: return .string(try text("nnt_string"))
    case .tensor:
      let (type, shape) = try form()
      return .tensor(try elements(type, shape))
    case .ints:
      var values: [Int] = []
      for _ in 0..<(try count("nnt_num_integers", bits: 2)) { values.append(try integer()) }
      return .ints(values)
    case .floats:
      var values: [Float] = []
      for _ in 0..<(try count("nnt_num_floats", bits: 32)) { values.append(try float()) }
      return .floats(values)
    case .strings:
      var values: [String] = []
      for _ in 0..<(try count("nnt_num_strings", bits: 1)) { values.append(try text("nnt_string")) }
      return .strings(values)
    }
  }

  // MARK: Values

  private mutating func named() -> String {
    names.append("v\(names.count)")
    return names[names.count - 1]
  }

  private mutating func reference() throws(BitstreamError) -> String {
    let number = try reader.unsignedGolomb(in: 0...names.count + 1, "nnt_value") - 1
    guard number >= 0 else { return "" }
    guard number == names.count else { return names[number] }
    let isSignalled = try reader.flag("nnt_signalled_flag")
    let (type, shape) = try form()
    let name = named()
    initializers[name] =
      isSignalled ? try placeholder(type, shape) : try elements(type, shape)
    return name
  }

  private mutating func value() throws(BitstreamError) -> ValueInfo {
    let type = try elementType()
    let rank =
      try reader.unsignedGolomb(in: 0...NetworkTopology.mostDimensions + 1, "nnt_rank_plus1") - 1
    guard rank >= 0 else { return ValueInfo(name: "", elementType: type) }
    var shape: [Dimension] = []
    var product = 1
    for _ in 0..<rank {
      let extent = try reader.unsignedGolomb(in: 0...1 << 30, "nnt_extent_plus1") - 1
      shape.append(extent < 0 ? .unknown : .fixed(extent))
      product *= max(extent, 1)
      guard product <= 1 << 30 else {
        throw reader.error("nnt_extent_plus1", "\(product) elements are too many")
      }
    }
    return ValueInfo(name: "", elementType: type, shape: shape)
  }

  // MARK: Tensors

  private mutating func form() throws(BitstreamError) -> (ElementType, [Int]) {
    let type = try elementType()
    var shape: [Int] = []
    let rank = try reader.unsignedGolomb(in: 0...NetworkTopology.mostDimensions, "nnt_rank")
    var product = 1
    for _ in 0..<rank {
      let extent = try reader.unsignedGolomb(in: 0...1 << 30, "nnt_extent")
      shape.append(extent)
      product *= max(extent, 1)
      guard product <= 1 << 30 else {
        throw reader.error("nnt_extent", "\(product) elements are too many")
      }
    }
    return (type, shape)
  }

  private mutating func placeholder(
    _ type: ElementType, _ shape: [Int]
  ) throws(BitstreamError) -> Tensor {
    let count = shape.reduce(1, *)
    remaining -= count
    guard remaining >= 0 else {
      throw reader.error("nnt_extent", "no numbers came for \(-remaining) elements or more")
    }
    if type == .float32 { return Tensor(repeating: Float(1), shape: shape) }
    let zeros = [Int32](repeating: 0, count: count)
    guard SignalledCodes.isStorable(type),
      let tensor = SignalledCodes.tensor(zeros, type: type, shape: shape)
    else {
      throw reader.error("nnt_element_type", "constants of \(type) are not signalled")
    }
    return tensor
  }

  private mutating func elements(
    _ type: ElementType, _ shape: [Int]
  ) throws(BitstreamError) -> Tensor {
    let size = shape.reduce(1, *) * type.byteCount
    guard size <= reader.remaining / 8 else {
      throw reader.error("nnt_element", "\(size) bytes of elements are not there")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    for _ in 0..<size { bytes.append(UInt8(try reader.unsigned(8, "nnt_element"))) }
    guard type.holds(bytes) else {
      throw reader.error("nnt_element", "a byte is no element of \(type)")
    }
    return Tensor(bytes: bytes, shape: shape, as: type)
  }

  // MARK: Numbers and texts

  /// A number of things that take `bits` bits or more each.
  private mutating func count(_ element: String, bits: Int) throws(BitstreamError) -> Int {
    let count = try reader.unsignedGolomb(element)
    guard count <= reader.remaining / bits else {
      throw reader.error(element, "the topology has no room for \(count)")
    }
    return count
  }

  private mutating func integer() throws(BitstreamError) -> Int {
    guard try reader.flag("nnt_long_flag") else { return try reader.signedGolomb("nnt_integer") }
    let high = try reader.unsigned(32, "nnt_integer")
    let low = try reader.unsigned(32, "nnt_integer")
    return Int(Int64(bitPattern: UInt64(high) << 32 | UInt64(low)))
  }

  private mutating func float() throws(BitstreamError) -> Float {
    Float(bitPattern: UInt32(try reader.unsigned(32, "nnt_float")))
  }

  private mutating func elementType() throws(BitstreamError) -> ElementType {
    let code = try reader.unsigned(5, "nnt_element_type")
    guard NetworkTopology.types.indices.contains(code) else {
      throw reader.error("nnt_element_type", "\(code) is reserved")
    }
    return NetworkTopology.types[code]
  }

  private mutating func text(_ element: String) throws(BitstreamError) -> String {
    let place = try reader.unsignedGolomb(in: 0...texts.count, element)
    guard place == texts.count else { return texts[place] }
    var bytes: [UInt8] = []
    for _ in 0..<(try count(element, bits: 8)) {
      bytes.append(UInt8(try reader.unsigned(8, element)))
    }
    texts.append(try reader.validated(bytes, element))
    return texts[place]
  }
}

extension ElementType {
  /// Whether bytes are elements: types narrower than a byte do not have every byte.
  fileprivate func holds(_ bytes: [UInt8]) -> Bool {
    switch self {
    case .bool: bytes.allSatisfy { $0 <= 1 }
    case .int2, .int4:
      bytes.allSatisfy { integerRange?.contains(Int(Int8(bitPattern: $0))) ?? false }
    case .uint2, .uint4: bytes.allSatisfy { integerRange?.contains(Int($0)) ?? false }
    default: true
    }
  }
}
