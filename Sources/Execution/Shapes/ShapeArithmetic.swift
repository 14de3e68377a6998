import Tensors

/// Arithmetic on shapes.
enum Shapes {
  /// The shape to which two broadcast, or `nil`.
  static func broadcast(_ a: [Int], _ b: [Int]) -> [Int]? {
    let rank = max(a.count, b.count)
    var result = [Int](repeating: 1, count: rank)
    for back in 1..<(rank + 1) {
      let left = back <= a.count ? a[a.count - back] : 1
      let right = back <= b.count ? b[b.count - back] : 1
      guard left == right || left == 1 || right == 1 else { return nil }
      result[rank - back] = left == 1 ? right : left
    }
    return result
  }

  /// The number of elements, or `nil` when a tensor of the shape would not fit the machine.
  static func count(_ shape: [Int]) -> Int? { HostMemory.elementCount(of: shape) }

  /// The same without the dimensions of extent 0, beside which others could be of any extent.
  static func countBesideEmpty(_ shape: [Int]) -> Int? { count(shape.map { max($0, 1) }) }

  /// Distances between neighbours along every axis in row-major order.
  static func strides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }

  /// The permutation that undoes `permutation`.
  static func inverse(_ permutation: [Int]) -> [Int] {
    var inverse = permutation
    for (position, axis) in permutation.enumerated() { inverse[axis] = position }
    return inverse
  }
}
