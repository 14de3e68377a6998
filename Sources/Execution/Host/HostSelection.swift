import Tensors

/// Selections by order: which elements are the largest.
enum HostSelection {
  /// Where the extreme lies along `axis`, which keeps extent 1; of equal ones the first or the last.
  /// A NaN counts as larger than every number.
  static func argument(_ x: Tensor, axis: Int, isLargest: Bool, takesLast: Bool) -> Tensor {
    let keys = orderedKeys(x)
    let lines = Lines(x.shape, axis: axis)
    var places = [Int64](repeating: 0, count: lines.count)
    for (index, start) in lines.starts.enumerated() {
      var best = 0
      for place in 1..<max(lines.extent, 1) {
        let candidate = keys[start + place * lines.stride]
        let current = keys[start + best * lines.stride]
        let isBetter = isLargest ? candidate > current : candidate < current
        if isBetter || takesLast && candidate == current { best = place }
      }
      places[index] = Int64(best)
    }
    var shape = x.shape
    shape[axis] = 1
    return Tensor(places, shape: shape)
  }

  /// The places of the `count` largest or smallest elements along `axis`, in descending or ascending
  /// order; of equal ones those in front first.
  static func top(_ count: Int, of x: Tensor, axis: Int, isLargest: Bool) -> Tensor {
    let keys = orderedKeys(x)
    let lines = Lines(x.shape, axis: axis)
    var shape = x.shape
    shape[axis] = count
    let target = Lines(shape, axis: axis)
    var places = [Int64](repeating: 0, count: shape.reduce(1, *))
    for (source, destination) in zip(lines.starts, target.starts) {
      let order = (0..<lines.extent).sorted { a, b in
        let (left, right) = (keys[source + a * lines.stride], keys[source + b * lines.stride])
        if left == right { return a < b }
        return isLargest ? left > right : left < right
      }
      for (rank, place) in order.prefix(count).enumerated() {
        places[destination + rank * target.stride] = Int64(place)
      }
    }
    return Tensor(places, shape: shape)
  }

  /// A `bool` tensor of `shape` that is true where the coordinate along `axis` is the entry of
  /// `places`, which has one for every line; an entry outside the extent gives none.
  static func oneHot(_ places: [Int], extent: Int, shape: [Int], axis: Int) -> Tensor {
    let lines = Lines(shape, axis: axis)
    var marks = [Bool](repeating: false, count: shape.reduce(1, *))
    for (start, place) in zip(lines.starts, places) where (0..<extent).contains(place) {
      marks[start + place * lines.stride] = true
    }
    return Tensor(marks, shape: shape)
  }

  /// Integers in the order of the elements; equal for equal elements. A NaN is above every number.
  private static func orderedKeys(_ x: Tensor) -> [Int] {
    switch x.elementType {
    case .uint64: return x.integers().map { $0 ^ Int.min }
    case .float32, .float64, .float16, .bfloat16:
      return x.doubles().map { value in
        if value.isNaN { return Int.max }
        let bits = Int(bitPattern: UInt(value.bitPattern))
        if value == 0 { return 0 }
        return bits >= 0 ? bits : Int.min - bits
      }
    default: return x.integers()
    }
  }
}

/// The lines of elements along one axis of a tensor.
struct Lines {
  /// The number of lines.
  let count: Int
  /// Elements of a line.
  let extent: Int
  /// Distance between neighbours on a line.
  let stride: Int

  init(_ shape: [Int], axis: Int) {
    extent = shape[axis]
    stride = shape[(axis + 1)...].reduce(1, *)
    count = shape[..<axis].reduce(1, *) * stride
  }

  /// Where each line starts, in row-major order of the other axes.
  var starts: some Sequence<Int> {
    let (extent, stride) = (extent, stride)
    return (0..<count).lazy.map { $0 / stride * stride * extent + $0 % stride }
  }
}
