import Bitstream
public import Graph
import Tensors

/// The operators of a network and how they are connected, in a form that a decoder builds a graph from:
/// all of a graph but its names and the numbers that messages signal.
///
/// Values have numbers in the order in which they appear: inputs, then node by node the constants that
/// it is the first to read and the values that it writes. Texts stand in full where they appear first.
/// Version 1; the syntax is ours, and SignalledQuantizers.md has it.
public enum NetworkTopology {
  static let version = 1

  /// Element types by their codes.
  static let types: [ElementType] = [
    .float32, .uint8, .int8, .uint16, .int16, .int32, .int64, .uint32, .uint64, .bool, .float16,
    .float64, .bfloat16, .uint4, .int4, .uint2, .int2,
  ]

  /// The syntax's most nodes, and most values of one node.
  static let mostNodes = 1 << 16
  static let mostDimensions = 16

  /// The topology of a graph with quantized operands.
  ///
  /// - Throws: `GraphError` naming the node that cannot be sorted or holds a graph.
  public static func bytes(of graph: Graph) throws(GraphError) -> [UInt8] {
    let signalled = Set(try graph.signalledOperands().flatMap(\.initializers))
    var writer = TopologyWriter(graph, signalled: signalled)
    return try writer.bytes()
  }
}

/// What an attribute is, by its code.
enum AttributeCode: Int {
  case int = 0
  case float = 1
  case string = 2
  case tensor = 3
  case ints = 4
  case floats = 5
  case strings = 6
}

/// Writes a topology.
private struct TopologyWriter {
  let graph: Graph
  let signalled: Set<String>
  var writer = BitWriter()
  var numbers: [String: Int] = [:]
  var texts: [String: Int] = [:]

  init(_ graph: Graph, signalled: Set<String>) {
    self.graph = graph
    self.signalled = signalled
  }

  mutating func bytes() throws(GraphError) -> [UInt8] {
    writer.unsigned(8, NetworkTopology.version)
    writer.unsignedGolomb(graph.opsets.count)
    for (domain, version) in graph.opsets.sorted(by: { $0.key < $1.key }) {
      write(domain)
      writer.unsignedGolomb(version)
    }
    writer.unsignedGolomb(graph.inputs.count)
    for input in graph.inputs {
      write(input)
      numbers[input.name] = numbers.count
    }
    let nodes = try graph.sortedNodes()
    writer.unsignedGolomb(nodes.count)
    for node in nodes { try write(node) }
    writer.unsignedGolomb(graph.outputs.count)
    for output in graph.outputs {
      write(output)
      reference(output.name)
    }
    writer.stopBit()
    return writer.bytes
  }

  private mutating func write(_ node: Node) throws(GraphError) {
    write(node.operatorType)
    write(node.domain)
    writer.unsignedGolomb(node.attributes.count)
    for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
      write(name)
      guard write(attribute) else {
        throw .unsupported(
          "node '\(node.label)' (\(node.operatorType)): networks with graphs inside of nodes cannot "
            + "be signalled")
      }
    }
    writer.unsignedGolomb(node.inputs.count)
    for name in node.inputs { reference(name) }
    writer.unsignedGolomb(node.outputs.count)
    for name in node.outputs {
      writer.flag(!name.isEmpty)
      if !name.isEmpty { numbers[name] = numbers.count }
    }
  }

  /// 0 for none, else a value's number plus 1; the next free number for a constant, which follows.
  private mutating func reference(_ name: String) {
    guard !name.isEmpty else { return writer.unsignedGolomb(0) }
    if let known = numbers[name] { return writer.unsignedGolomb(known + 1) }
    writer.unsignedGolomb(numbers.count + 1)
    numbers[name] = numbers.count
    guard let tensor = graph.initializers[name] else {
      preconditionFailure("'\(name)' is read in a sorted graph and nothing writes it")
    }
    writer.flag(signalled.contains(name))
    writeForm(tensor)
    if !signalled.contains(name) { writeElements(tensor) }
  }

  private mutating func write(_ value: ValueInfo) {
    write(value.elementType)
    writer.unsignedGolomb((value.shape?.count ?? -1) + 1)
    for dimension in value.shape ?? [] {
      if case .fixed(let extent) = dimension {
        writer.unsignedGolomb(extent + 1)
      } else {
        writer.unsignedGolomb(0)
      }
    }
  }

  /// Returns whether it is an attribute that has a code.
  private mutating func write(_ attribute: Attribute) -> Bool {
    switch attribute {
    case .int(let value):
      code(.int)
      write(value)
    case .float(let value):
      code(.float)
      writer.unsigned(32, Int(value.bitPattern))
    case .string(let value):
      code(.string)
      write(value)
    case .tensor(let tensor):
      code(.tensor)
      writeForm(tensor)
      writeElements(tensor)
    case .ints(let values):
      code(.ints)
      writer.unsignedGolomb(values.count)
      for value in values { write(value) }
    case .floats(let values):
      code(.floats)
      writer.unsignedGolomb(values.count)
      for value in values { writer.unsigned(32, Int(value.bitPattern)) }
    case .strings(let values):
      code(.strings)
      writer.unsignedGolomb(values.count)
      for value in values { write(value) }
    case .graph: return false
    }
    return true
  }

  private mutating func code(_ code: AttributeCode) { writer.unsigned(3, code.rawValue) }

  private mutating func write(_ value: Int) {
    let isShort = value.magnitude < 1 << 30
    writer.flag(!isShort)
    if isShort { return writer.signedGolomb(value) }
    let bits = UInt64(bitPattern: Int64(value))
    writer.unsigned(32, Int(bits >> 32))
    writer.unsigned(32, Int(bits & 0xffff_ffff))
  }

  private mutating func write(_ text: String) {
    if let known = texts[text] { return writer.unsignedGolomb(known) }
    writer.unsignedGolomb(texts.count)
    texts[text] = texts.count
    writer.unsignedGolomb(text.utf8.count)
    writer.appendUnaligned(Array(text.utf8))
  }

  private mutating func write(_ type: ElementType) {
    guard let code = NetworkTopology.types.firstIndex(of: type) else {
      preconditionFailure("\(type) has no code in topologies")
    }
    writer.unsigned(5, code)
  }

  private mutating func writeForm(_ tensor: Tensor) {
    write(tensor.elementType)
    writer.unsignedGolomb(tensor.shape.count)
    for extent in tensor.shape { writer.unsignedGolomb(extent) }
  }

  private mutating func writeElements(_ tensor: Tensor) {
    tensor.withBytes { for byte in $0 { writer.unsigned(8, Int(byte)) } }
  }
}
