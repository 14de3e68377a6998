import Graph
import Tensors

/// A convolution on codes whose output channels can be adapted while everything else stays.
struct AdaptableLayer: Sendable, Hashable {
  /// How messages call the node.
  var label: String
  /// The initializer with the kernel's scales, one or one for each channel.
  var scales: String
  /// The initializer with the bias in the scale of sums; `nil` where there is none.
  var bias: String?
  /// The number of output channels.
  var channels: Int
  /// The scale of the input's codes.
  var inputScale: Float

  /// The name that the multipliers have in a graph that is trained.
  var multipliers: String { "\(scales)\0multipliers" }
  /// The name that the bias in real units has there.
  var realBias: String { "\(bias ?? label)\0real" }
}

extension Graph {
  /// The layers of the graph that are adaptable: QLinearConv with scales that nobody else reads.
  ///
  /// - Throws: `GraphError` for a graph that cannot be sorted, or that has none.
  func adaptableLayers() throws(GraphError) -> [AdaptableLayer] {
    var readers: [String: Int] = [:]
    for name in nodes.flatMap(\.inputs) { readers[name, default: 0] += 1 }
    var layers: [AdaptableLayer] = []
    for node in try sortedNodes() where node.operatorType == "QLinearConv" && node.domain == "" {
      guard node.inputs.count >= 8, let input = scalar(node.inputs[1]),
        let scales = initializers[node.inputs[4]], scales.elementType == .float32,
        readers[node.inputs[4]] == 1, let kernel = try kernelShape(of: node), kernel.count >= 3,
        !kernel.contains(0)
      else { continue }
      guard scales.count == kernel[0] else { continue }
      let bias = node.inputs.count > 8 ? node.inputs[8] : ""
      layers.append(
        AdaptableLayer(
          label: node.label, scales: node.inputs[4],
          bias: initializers[bias] == nil || readers[bias] != 1 ? nil : bias, channels: kernel[0],
          inputScale: input))
    }
    guard !layers.isEmpty else {
      throw .unsupported(
        "no QLinearConv has a scale for each output channel of its own; 'qtool quantize --target qoperator' "
          + "writes them")
    }
    return layers
  }

  /// The shape of a convolution's constant kernel.
  private func kernelShape(of node: Node) throws(GraphError) -> [Int]? {
    constantCodes(node.inputs[3])?.shape
  }

  /// The number in an initializer of one float.
  func scalar(_ name: String) -> Float? {
    guard let tensor = initializers[name], tensor.elementType == .float32, tensor.count == 1
    else { return nil }
    return tensor.array(of: Float.self)[0]
  }

  /// The initializer of codes that a value is or is cast from.
  func constantCodes(_ value: String) -> Tensor? {
    if let tensor = initializers[value] { return tensor }
    guard let cast = nodes.first(where: { $0.outputs.contains(value) && $0.operatorType == "Cast" })
    else { return nil }
    return cast.inputs.first.flatMap { initializers[$0] }
  }
}
