package import Tensors

/// A weight tensor as rows that share a scale.
///
/// Row r of a tensor with a channel axis holds, in memory order, the weights of index r along that
/// axis. With groups, a channel's weights are cut into runs of `groupSize` (the last may be shorter),
/// each a row of its own.
package struct WeightRows {
  /// Elements of the tensor, in the order of rows.
  package let values: Tensor
  /// Where each row ends in `values`.
  package let ends: [Int]
  /// For every element of `values`, its place in the tensor; `nil` if it is the same.
  package let places: [Int]?

  /// The rows of `weights`; `axis` is `nil` for one row of everything.
  package init(_ weights: Tensor, axis: Int?, groupSize: Int? = nil) {
    let count = weights.count
    guard let axis else {
      values = weights
      ends = [count]
      places = nil
      return
    }
    let channels = weights.shape[axis]
    let inner = weights.shape[(axis + 1)...].reduce(1, *)
    let outer = weights.shape[..<axis].reduce(1, *)
    var ends: [Int] = []
    for channel in 0..<channels {
      let (start, end) = (channel * outer * inner, (channel + 1) * outer * inner)
      if let groupSize { ends += stride(from: start + groupSize, to: end, by: groupSize) }
      ends.append(end)
    }
    self.ends = ends
    if outer == 1 {
      values = weights
      places = nil
      return
    }
    var places: [Int] = []
    places.reserveCapacity(count)
    for channel in 0..<channels {
      for block in 0..<outer {
        let first = (block * channels + channel) * inner
        for place in first..<(first + inner) { places.append(place) }
      }
    }
    self.places = places
    values = weights.withElements(of: Float.self) { all in
      Tensor(shape: [count]) { (elements: UnsafeMutableBufferPointer<Float>) in
        for position in elements.indices { elements[position] = all[places[position]] }
      }
    }
  }

  private init(values: Tensor, ends: [Int], places: [Int]?) {
    (self.values, self.ends, self.places) = (values, ends, places)
  }

  /// The rows with the signs of some turned.
  ///
  /// - Parameter isMirrored: For every row whether it is; empty for none.
  func mirrored(_ isMirrored: [Bool]) -> WeightRows {
    guard isMirrored.contains(true) else { return self }
    var turned = values.array(of: Float.self)
    for row in 0..<count where isMirrored[row] {
      for position in range(row) { turned[position] = -turned[position] }
    }
    return WeightRows(values: Tensor(turned, shape: values.shape), ends: ends, places: places)
  }

  /// Codes in the order of ``values`` in the places of the weights.
  func inPlace(_ codes: [Int8], shape: [Int], as elementType: ElementType) -> Tensor {
    guard let places else { return Tensor(codes, shape: shape, as: elementType) }
    return Tensor(shape: shape, as: elementType) { (elements: UnsafeMutableBufferPointer<Int8>) in
      for position in codes.indices { elements[places[position]] = codes[position] }
    }
  }

  /// The number of rows.
  package var count: Int { ends.count }

  /// The positions in `values` of row `row`.
  package func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : ends[row - 1])..<ends[row] }

  /// Calls `body` with the elements of row `row`.
  func withRow<Result>(
    _ row: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try values.withElements(of: Float.self) {
      try body(UnsafeBufferPointer(rebasing: $0[range(row)]))
    }
  }

  /// The elements of row `row`.
  func row(_ row: Int) -> [Float] { withRow(row) { Array($0) } }
}
