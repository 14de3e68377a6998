import PostTraining
import Tensors

/// Where the filters of a layer have their weights.
struct FilterPlaces {
  private let shape: [Int]
  private let axis: Int?

  init(_ layer: QuantizedLayer) {
    shape = layer.shape
    axis = layer.weights.channelAxis
  }

  /// The places of the weights of `filters`, as a tensor of these filters alone has them.
  func places(of filters: [Int]) -> [Int] {
    guard let axis else { return Array(0..<shape.reduce(1, *)) }
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    var places: [Int] = []
    places.reserveCapacity(outer * inner * filters.count)
    for block in 0..<outer {
      for filter in filters {
        let first = (block * shape[axis] + filter) * inner
        places += first..<first + inner
      }
    }
    return places
  }

  /// The shape of a tensor of `count` filters.
  func shape(of count: Int) -> [Int] {
    guard let axis else { return shape }
    var shape = shape
    shape[axis] = count
    return shape
  }
}
