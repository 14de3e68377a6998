/// All indices of a shape in row-major order, for expectations that are written index by index.
struct Indices: Sequence, IteratorProtocol {
  private let shape: [Int]
  private var current: [Int]?

  init(_ shape: [Int]) {
    self.shape = shape
    current = shape.contains(0) ? nil : shape.map { _ in 0 }
  }

  mutating func next() -> [Int]? {
    guard let result = current else { return nil }
    var following = result
    for axis in shape.indices.reversed() {
      following[axis] += 1
      if following[axis] < shape[axis] {
        current = following
        return result
      }
      following[axis] = 0
    }
    current = nil
    return result
  }

  /// Where `index` lies in a tensor of `shape`, which may be of lower rank and have extents of 1 that
  /// are broadcast.
  static func offset(_ index: [Int], in shape: [Int]) -> Int {
    var offset = 0
    for (position, extent) in zip(index.suffix(shape.count), shape) {
      offset = offset * extent + (extent == 1 ? 0 : position)
    }
    return offset
  }
}
