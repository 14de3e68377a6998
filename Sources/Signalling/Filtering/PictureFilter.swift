internal import Execution
public import Graph
public import Operations
public import Tensors
public import Video

/// A network that filters pictures, on integers.
///
/// Samples come to the network and leave it as clause 8.28.1 of ITU-T H.274 says: as they are, or divided by
/// 255, and are rounded half away from zero and clipped at the end. In between it is run as
/// ``Execution/IntegerNetwork``.
public struct PictureFilter<B: Backend>: Sendable {
  private let executor: Executor<B>
  /// The network as it came, for pictures of any size.
  private let graph: Graph
  /// The most elements of its values at once.
  private let limit: Int
  private let property: PostFilterProperty
  private let input: String
  private let output: String

  /// Prepares a network.
  ///
  /// - Parameters:
  ///   - graph: The network: one input, one output of the same shape.
  ///   - property: What goes in and comes out.
  ///   - limit: The most elements that its values may have at once, constants aside; `nil` for 2^30.
  ///   - backend: Where it runs.
  /// - Throws: `GraphError` for networks that do not filter 8-bit pictures of 4:2:0 in place, or that the
  ///   backend does not run.
  public init(
    _ graph: Graph, _ property: PostFilterProperty, limit: Int? = nil, on backend: B
  ) throws {
    try property.requirePictures()
    guard graph.inputs.count == 1, graph.outputs.count == 1,
      graph.inputs[0].elementType == .float32
    else {
      throw GraphError.unsupported("a picture filter has one input, of float32, and one output")
    }
    var graph = graph
    // The network is for pictures of any size.
    graph.inputs[0].shape = [
      .fixed(1), .fixed(property.inputOrder.channels), .unknown, .unknown,
    ]
    graph.outputs[0].shape = nil
    graph.valueInfo = [:]
    try graph.requireFilterSizes()
    executor = try Executor(try IntegerNetwork(graph).graph, on: backend)
    self.graph = graph
    self.limit = limit ?? Graph.mostLiveElements
    self.property = property
    input = graph.inputs[0].name
    output = graph.outputs[0].name
  }

  /// A picture filtered.
  ///
  /// - Throws: `GraphError` for pictures that the network is not for or that make its values too large, and
  ///   what the backend throws.
  public func filtered(_ picture: Picture) throws -> Picture {
    let planes = try PlaneOrder(property.inputOrder, picture)
    var sized = graph
    sized.inputs[0].shape = planes.shape.map { .fixed($0) }
    try sized.requireElements(within: limit)
    let result = try executor.run([input: try property.tensor(of: picture)])
    guard let tensor = result[output], tensor.elementType == .float32, tensor.shape == planes.shape
    else {
      throw GraphError.invalid(
        "the filter's output is \(result[output].map { "\($0)" } ?? "missing"), pictures of "
          + "\(planes.shape) went in")
    }
    let scale: Float = property.outputFormat == .real ? 255 : 1
    var filtered = picture
    for (place, value) in zip(planes.places, tensor.array(of: Float.self)) {
      let sample = (value * scale).rounded(.toNearestOrAwayFromZero)
      guard !sample.isNaN else {
        throw GraphError.invalid("the filter's output is not a number at sample \(place)")
      }
      filtered.samples[place] = UInt8(min(max(sample, 0), 255))
    }
    return filtered
  }
}

extension PostFilterProperty {
  /// What a network is given of a picture: [1, C, H, W].
  ///
  /// - Throws: `GraphError` for pictures that the network is not for.
  public func tensor(of picture: Picture) throws(GraphError) -> Tensor {
    let planes = try PlaneOrder(inputOrder, picture)
    let divisor: Float = inputFormat == .real ? 255 : 1
    return Tensor(
      planes.places.map { Float(picture.samples[$0]) / divisor }, shape: planes.shape)
  }
}

/// Which samples are which elements of a network's tensor.
private struct PlaneOrder {
  /// The tensor's shape [1, C, H, W].
  var shape: [Int]
  /// The samples' places in the order of elements.
  var places: [Int]

  init(_ order: PostFilterProperty.Order, _ picture: Picture) throws(GraphError) {
    switch order {
    case .luma:
      shape = [1, 1, picture.height, picture.width]
      places = Array(picture.luma)
    case .chroma:
      shape = [1, 2, picture.chromaHeight, picture.chromaWidth]
      places = Array(picture.chroma)
    case .interleaved:
      guard picture.width % 2 == 0, picture.height % 2 == 0 else {
        throw .unsupported(
          "the filter takes luma samples in fours, pictures have \(picture.width) x \(picture.height)"
        )
      }
      shape = [1, 6, picture.chromaHeight, picture.chromaWidth]
      places = []
      for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for y in 0..<picture.chromaHeight {
          for x in 0..<picture.chromaWidth {
            places.append((2 * y + row) * picture.width + 2 * x + column)
          }
        }
      }
      places += Array(picture.chroma)
    case .all: throw Self.unequal
    }
  }

  static let unequal = GraphError.unsupported(
    "the filter takes luma and chroma of the same size, pictures are 4:2:0")
}

extension PostFilterProperty {
  /// Throws for what pictures of 8 bits filtered in place do not have.
  fileprivate func requirePictures() throws(GraphError) {
    for format in [inputFormat, outputFormat] {
      if case .integer(let bits) = format, bits != 8 {
        throw .unsupported("the filter is for samples of \(bits) bits, 8 are supported")
      }
    }
    guard inputOrder != .all || outputOrder != .all else { throw PlaneOrder.unequal }
    guard inputOrder == outputOrder else {
      throw .unsupported(
        "the filter takes channels in order \(inputOrder.rawValue) and writes order \(outputOrder.rawValue)"
      )
    }
    guard !channelsLast, !patch.isConstant else {
      throw .unsupported("filters with channels last or with patches of one size")
    }
  }
}
