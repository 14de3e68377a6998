import Graph
import Tensors

/// A part of a network that is trained by itself: from what it reads to what others read of it.
struct ReconstructionUnit: Sendable, Hashable {
  /// Its layers whose weights are quantized: places in the plan's graph.
  let layers: [Int]
  /// What it reads.
  let inputs: [String]
  /// What others read of it.
  let outputs: [String]
}

/// Cuts a network into units.
struct UnitCutter {
  let index: GraphIndex
  /// The places, in the plan's graph, of the layers whose weights these initializers are.
  let layers: [String: Int]
  /// Whether a value has a quantizer.
  let isQuantized: (String) -> Bool

  /// Layers of a run of single ones that make a block.
  private static let runLength = 2
  /// Layers of a part without a cut, above which it is trained layer by layer.
  private static let blockLimit = 12

  private static let activations: Set = [
    "Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish",
  ]

  /// Every layer with the activation that alone reads it.
  func singleLayers() -> [ReconstructionUnit] {
    index.nodes.indices.filter { layer(of: $0) != nil }.map(singleLayer)
  }

  private func singleLayer(_ number: Int) -> ReconstructionUnit {
    var nodes = [number]
    var value = index.nodes[number].outputs[0]
    while !isQuantized(value), let reader = index.onlyReader(of: value),
      Self.activations.contains(index.nodes[reader].operatorType),
      index.nodes[reader].inputs[0] == value
    {
      nodes.append(reader)
      value = index.nodes[reader].outputs[0]
    }
    return unit(of: nodes)
  }

  /// Blocks: parts between values through which everything passes. Parts of a single layer are put
  /// together in pairs, a depthwise convolution with the layer behind it.
  func blocks() -> [ReconstructionUnit] {
    var blocks: [(nodes: [Int], isRun: Bool)] = []
    var waiting: [Int] = []
    for segment in segments() {
      let own = segment.filter { layer(of: $0) != nil }
      if own.isEmpty {
        // What follows a layer up to the next quantizer belongs to the layer.
        if let last = blocks.last?.nodes.last, waiting.isEmpty,
          !index.nodes[last].outputs.contains(where: isQuantized), !endsNetwork(segment)
        {
          blocks[blocks.count - 1].nodes += segment
        } else {
          waiting += segment
        }
        continue
      }
      let nodes = waiting + segment
      waiting = []
      if own.count == 1, !isDepthwise(own[0]), let last = blocks.last, last.isRun,
        last.nodes.count(where: { layer(of: $0) != nil }) < Self.runLength
      {
        blocks[blocks.count - 1].nodes += nodes
      } else {
        blocks.append((nodes, own.count == 1))
      }
    }
    return blocks.flatMap { block in
      let own = block.nodes.filter { layer(of: $0) != nil }
      return own.count > Self.blockLimit ? own.map(singleLayer) : [unit(of: block.nodes)]
    }
  }

  /// The nodes between values through which everything passes, part by part.
  private func segments() -> [[Int]] {
    var lastReader: [String: Int] = [:]
    for (value, readers) in index.readers where !index.isConstant(value) {
      lastReader[value] = readers.max()
    }
    for value in index.outputs { lastReader[value] = index.nodes.count }
    var live = Set(index.inputs.filter { lastReader[$0] != nil })
    var segments: [[Int]] = [[]]
    for (number, node) in index.nodes.enumerated() {
      live.formUnion(node.outputs.filter { lastReader[$0] != nil })
      live = live.filter { lastReader[$0] != number }
      segments[segments.count - 1].append(number)
      if live.count == 1 { segments.append([]) }
    }
    return segments.filter { !$0.isEmpty }
  }

  private func layer(of number: Int) -> Int? {
    let inputs = index.nodes[number].inputs
    return inputs.count > 1 ? layers[inputs[1]] : nil
  }

  private func isDepthwise(_ number: Int) -> Bool {
    let node = index.nodes[number]
    guard node.operatorType == "Conv", case .int(let groups)? = node.attributes["group"] else {
      return false
    }
    return groups > 1 && index.constants[node.inputs[1]]?.shape[1] == 1
  }

  /// Whether the nodes only turn what the network ends with into probabilities.
  private func endsNetwork(_ nodes: [Int]) -> Bool {
    nodes.contains { number in
      ["Softmax", "LogSoftmax"].contains(index.nodes[number].operatorType)
        && index.nodes[number].outputs.contains(where: index.outputs.contains)
    }
  }

  private func unit(of nodes: [Int]) -> ReconstructionUnit {
    let own = Set(nodes)
    var inputs: [String] = []
    var outputs: [String] = []
    for number in nodes {
      for value in index.nodes[number].inputs
      where !value.isEmpty && !index.isConstant(value) && !inputs.contains(value) {
        if let writer = index.writer[value], own.contains(writer) { continue }
        inputs.append(value)
      }
      for value in index.nodes[number].outputs {
        let isRead = index.readers[value]?.contains { !own.contains($0) } == true
        if isRead || index.outputs.contains(value) { outputs.append(value) }
      }
    }
    return ReconstructionUnit(
      layers: nodes.compactMap(layer(of:)), inputs: inputs, outputs: outputs)
  }
}
