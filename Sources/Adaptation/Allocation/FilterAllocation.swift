import Bitstream
public import Graph
public import Operations
public import PostTraining
public import Quantization
public import Signalling
public import Video

/// A filter in float whose weights and activations get their bits by what comes of them.
public struct FilterAllocation<B: Backend> {
  /// A tensor whose bits are chosen.
  public struct Tensor: Sendable, Hashable {
    /// The layer's node.
    public var layer: String
    /// Whether it is the layer's weights, else the activations that it reads.
    public var isWeights: Bool

    /// `conv0 weights`
    public var description: String { "\(layer) \(isWeights ? "weights" : "input")" }
  }

  /// The tensors in the order in which bits are given.
  public let tensors: [Tensor]

  private let prepared: Graph
  private let histograms: [String: Histogram]
  private let channelMeans: [String: [Double]]
  private let settings: QuantizationSettings
  private let messages: MessageForm
  private let pictures: [(decoded: Picture, original: Picture)]
  private let backend: B

  /// Prepares it.
  ///
  /// - Parameters:
  ///   - prepared: The float network, prepared for quantization.
  ///   - histograms: What was observed of its values.
  ///   - channelMeans: Means of channels, for the correction of biases.
  ///   - settings: How it is quantized but for the bits.
  ///   - messages: How its base is written: what is charged is the length of these messages. They also
  ///     say what samples of pictures are to it.
  ///   - pictures: Decoded pictures and their originals, one or more.
  ///   - backend: Where it runs.
  /// - Throws: `GraphError` for a network without layers to quantize.
  public init(
    _ prepared: Graph, histograms: [String: Histogram], channelMeans: [String: [Double]],
    settings: QuantizationSettings, messages: MessageForm,
    pictures: [(decoded: Picture, original: Picture)], on backend: B
  ) throws {
    precondition(!pictures.isEmpty, "there are no pictures to judge by")
    self.prepared = prepared
    // Samples have all their values, whatever these pictures have: with 256 levels and range `minmax` the
    // codes of input and output are the samples themselves, and the filter adds no error of its own to what it leaves alone.
    let ends: [Float] = [0, messages.settings.samples == .real ? 1 : 255]
    var histograms = histograms
    for name in (prepared.inputs + prepared.outputs).map(\.name) where histograms[name] != nil {
      histograms[name] = Histogram(ends)
    }
    self.histograms = histograms
    self.channelMeans = channelMeans
    self.settings = settings
    self.messages = messages
    self.pictures = pictures
    self.backend = backend
    let plan = try QuantizationPlan(prepared, settings: settings)
    let index = GraphIndex(plan.graph)
    tensors = plan.weights.keys.sorted().flatMap { number in
      [true, false].map { Tensor(layer: index.nodes[number].label, isWeights: $0) }
    }
    guard !tensors.isEmpty else {
      throw GraphError.unsupported("no layer of the network is quantized")
    }
  }

  /// The quantized network with these bits.
  public func network(_ bits: [Int]) throws -> Graph {
    precondition(bits.count == tensors.count, "\(bits.count) numbers for \(tensors.count) tensors")
    var settings = settings
    settings.borderLevels = nil
    for (tensor, count) in zip(tensors, bits) {
      settings.layers.append(
        LayerRule(
          NodePattern(exactly: tensor.layer), weightLevels: tensor.isWeights ? 1 << count : nil,
          activationLevels: tensor.isWeights ? nil : 1 << count))
    }
    return try QuantizedModel(
      prepared, histograms: histograms, channelMeans: channelMeans, settings: settings, on: backend
    ).graph()
  }

  /// What these bits cost: the bytes of the base's messages, and the error of pictures that the network on
  /// integers filters.
  public func measure(_ bits: [Int]) throws -> AllocatedBits {
    let graph = try network(bits)
    let described = try SignalMessages(of: graph, messages.settings)
    guard let property = described.characteristics.property else {
      preconditionFailure("a base without properties")
    }
    let (error, first) = try PictureFilter(graph, property, on: backend).judged(pictures)
    return AllocatedBits(
      bits: bits, squaredError: error, bytes: try messages.units(of: graph, first: first).count)
  }
}
