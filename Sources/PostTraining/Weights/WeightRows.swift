import Tensors

/// A weight tensor as rows that share a scale.
///
/// Row r of a tensor with a channel axis holds, in memory order, the weights of index r along that
/// axis. With groups, a channel's weights are cut into runs of `groupSize` (the last may be shorter),
/// each a row of its own.
struct WeightRows {
  /// Elements of the tensor, in the order of rows.
  let values: [Float]
  /// Where each row ends in `values`.
  let ends: [Int]
  /// For every element of `values`, its place in the tensor.
  let places: [Int]

  /// The rows of `weights`; `axis` is `nil` for one row of everything.
  init(_ weights: Tensor, axis: Int?, groupSize: Int? = nil) {
    let all = weights.array(of: Float.self)
    guard let axis else {
      values = all
      ends = [all.count]
      places = Array(all.indices)
      return
    }
    let channels = weights.shape[axis]
    let inner = weights.shape[(axis + 1)...].reduce(1, *)
    let outer = weights.shape[..<axis].reduce(1, *)
    var places: [Int] = []
    var ends: [Int] = []
    places.reserveCapacity(all.count)
    for channel in 0..<channels {
      let start = places.count
      for block in 0..<outer {
        let first = (block * channels + channel) * inner
        places.append(contentsOf: first..<(first + inner))
      }
      if let groupSize {
        ends += stride(from: start + groupSize, to: places.count, by: groupSize)
      }
      ends.append(places.count)
    }
    values = places.map { all[$0] }
    self.ends = ends
    self.places = places
  }

  /// The number of rows.
  var count: Int { ends.count }

  /// The places in `values` of row `row`.
  func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : ends[row - 1])..<ends[row] }

  /// Whether all rows are equally long.
  var isRectangular: Bool { (0..<count).allSatisfy { range($0).count == range(0).count } }
}
