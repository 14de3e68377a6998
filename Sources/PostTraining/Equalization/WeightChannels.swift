import Graph
import Tensors

/// Constant weights of a layer with, for every element, the channel of its result or of its data.
struct WeightChannels {
  /// The number of channels.
  let count: Int
  /// Where the elements lie among the channels.
  private let layout: Layout

  /// Element e belongs to channel `block * perBlock + e / inner % perBlock`, where the block is the one of
  /// `e / rows`.
  private struct Layout {
    var inner: Int
    var perBlock: Int
    var rows: Int
  }

  /// The channels of the result; `nil` for other nodes than Conv, ConvTranspose and a plain Gemm.
  init?(resultsOf node: Node, _ weights: Tensor) {
    switch node.operatorType {
    case "Conv" where weights.rank > 2: self.init(weights, axis: 0, blocks: 1)
    case "ConvTranspose" where weights.rank > 2:
      self.init(weights, axis: 1, blocks: node.integer("group", default: 1))
    case "Gemm" where Self.isPlain(node) && weights.rank == 2:
      self.init(weights, axis: node.integer("transB", default: 0) != 0 ? 0 : 1, blocks: 1)
    default: return nil
    }
  }

  /// The channels of the data; `nil` for other nodes than Conv and a plain Gemm.
  init?(dataOf node: Node, _ weights: Tensor) {
    switch node.operatorType {
    case "Conv" where weights.rank > 2:
      self.init(weights, axis: 1, blocks: node.integer("group", default: 1))
    case "Gemm" where Self.isPlain(node) && weights.rank == 2:
      self.init(weights, axis: node.integer("transB", default: 0) != 0 ? 1 : 0, blocks: 1)
    default: return nil
    }
  }

  /// - Parameter blocks: Along the first dimension, parts with channels of their own.
  private init?(_ weights: Tensor, axis: Int, blocks: Int) {
    guard blocks > 0, weights.count > 0, weights.shape[0].isMultiple(of: blocks) else { return nil }
    layout = Layout(
      inner: weights.shape[(axis + 1)...].reduce(1, *), perBlock: weights.shape[axis],
      rows: weights.count / blocks)
    count = weights.shape[axis] * blocks
  }

  private static func isPlain(_ node: Node) -> Bool {
    node.number("alpha", default: 1) == 1 && node.number("beta", default: 1) == 1
      && node.integer("transA", default: 0) == 0
  }

  /// The channel of an element.
  func channel(of element: Int) -> Int {
    element / layout.rows * layout.perBlock + element / layout.inner % layout.perBlock
  }

  /// The largest magnitude of every channel.
  func magnitudes(_ values: [Double]) -> [Double] {
    var largest = [Double](repeating: 0, count: count)
    for (element, value) in values.enumerated() {
      let channel = channel(of: element)
      largest[channel] = max(largest[channel], value.magnitude)
    }
    return largest
  }

  /// Multiplies every element by its channel's factor.
  func scale(_ values: inout [Double], by factors: [Double]) {
    for element in values.indices { values[element] *= factors[channel(of: element)] }
  }
}
