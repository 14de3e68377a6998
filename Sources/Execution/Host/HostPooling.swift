import Operations
import Tensors

/// What pools need that no backend computes.
enum HostPooling {
  /// Where the maximum of every window lies: offsets into the whole input, counted in row-major or
  /// column-major order of the spatial dimensions; of equal maxima the first.
  static func maximumIndices(_ x: Tensor, _ pooling: Pooling, isColumnMajor: Bool) -> Tensor {
    let values = x.doubles()
    let spatial = Array(x.shape.dropFirst(2))
    let planeCount = spatial.reduce(1, *)
    let strides = Shapes.strides(spatial)
    let labels =
      isColumnMajor ? Array(Shapes.strides(spatial.reversed()).reversed()) : strides
    let outputs = Indices(pooling.outputExtents)
    let taps = Indices(pooling.window.kernel)
    var indices: [Int64] = []
    indices.reserveCapacity(x.shape[0] * x.shape[1] * outputs.count)
    for plane in 0..<(x.shape[0] * x.shape[1]) {
      for output in outputs {
        var best = -Double.infinity
        var place = 0
        var isFirst = true
        for tap in taps {
          guard let position = pooling.window.position(of: tap, at: output, in: spatial) else {
            continue
          }
          let value = values[plane * planeCount + dot(position, strides)]
          if isFirst || value > best {
            (best, place, isFirst) = (value, plane * planeCount + dot(position, labels), false)
          }
        }
        indices.append(Int64(place))
      }
    }
    return Tensor(indices, shape: Array(x.shape.prefix(2)) + pooling.outputExtents)
  }

  private static func dot(_ a: [Int], _ b: [Int]) -> Int {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

extension Window {
  /// Where `tap` of the window at `output` falls, or `nil` for the border.
  fileprivate func position(of tap: [Int], at output: [Int], in extents: [Int]) -> [Int]? {
    var position = tap
    for axis in tap.indices {
      position[axis] = output[axis] * strides[axis] + tap[axis] * dilations[axis] - padBefore[axis]
      guard (0..<extents[axis]).contains(position[axis]) else { return nil }
    }
    return position
  }
}

/// The multi-indices of a shape in row-major order.
struct Indices: Sequence, IteratorProtocol {
  private let shape: [Int]
  private var upcoming: [Int]?

  init(_ shape: [Int]) {
    self.shape = shape
    upcoming = shape.contains(0) ? nil : [Int](repeating: 0, count: shape.count)
  }

  /// How many there are.
  var count: Int { shape.reduce(1, *) }

  mutating func next() -> [Int]? {
    guard let current = upcoming else { return nil }
    var following = current
    for axis in shape.indices.reversed() {
      following[axis] += 1
      if following[axis] < shape[axis] {
        upcoming = following
        return current
      }
      following[axis] = 0
    }
    upcoming = nil
    return current
  }
}
