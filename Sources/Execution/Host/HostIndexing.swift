import Operations
import Tensors

/// Elements picked and placed by index; indices are in range already.
enum HostIndexing {
  /// How a scattered element meets the one that is there.
  enum Meeting: Sendable { case replace, add, multiply, maximum, minimum }

  /// A tensor of `shape` whose element at a coordinate is that of `x` at the same coordinate but for
  /// `axis`, where `places` says which.
  static func gatherElements(_ x: Tensor, _ places: [Int], shape: [Int], axis: Int) -> Tensor {
    let strides = Shapes.strides(x.shape)
    var sources: [Int] = []
    sources.reserveCapacity(places.count)
    for (coordinate, place) in zip(Indices(shape), places) {
      sources.append(offset(of: coordinate, strides, axis: axis, place))
    }
    return pick(x, sources, run: 1, shape: shape)
  }

  /// Runs of `length` elements that start at `sources`, one after the other.
  static func pick(_ x: Tensor, _ sources: [Int], run length: Int, shape: [Int]) -> Tensor {
    let size = x.elementType.byteCount
    let storage = TensorStorage(byteCount: sources.count * length * size)
    x.withBytes { bytes in
      for (index, source) in sources.enumerated() where length > 0 {
        (storage.bytes + index * length * size).copyMemory(
          from: bytes.baseAddress! + source * size, byteCount: length * size)
      }
    }
    return Tensor(elementType: x.elementType, shape: shape, storage: storage)
  }

  /// `x` with the runs of `updates`, each of `length` elements, put at `targets` in order.
  static func scatter(
    _ updates: Tensor, into x: Tensor, at targets: [Int], run length: Int, _ meeting: Meeting
  ) throws -> Tensor {
    guard meeting == .replace else {
      return try accumulate(updates, into: x, at: targets, run: length, meeting)
    }
    let size = x.elementType.byteCount
    let storage = TensorStorage(byteCount: x.byteCount)
    x.withBytes { storage.bytes.copyMemory(from: $0.baseAddress!, byteCount: x.byteCount) }
    updates.withBytes { bytes in
      for (index, target) in targets.enumerated() where length > 0 {
        (storage.bytes + target * size).copyMemory(
          from: bytes.baseAddress! + index * length * size, byteCount: length * size)
      }
    }
    return Tensor(elementType: x.elementType, shape: x.shape, storage: storage)
  }

  private static func accumulate(
    _ updates: Tensor, into x: Tensor, at targets: [Int], run length: Int, _ meeting: Meeting
  ) throws -> Tensor {
    func merge<Number: Comparable>(
      _ old: [Number], _ new: [Number], _ function: (Number, Number) -> Number
    ) -> [Number] {
      var result = old
      for (index, target) in targets.enumerated() {
        for step in 0..<length {
          result[target + step] = function(result[target + step], new[index * length + step])
        }
      }
      return result
    }
    if x.elementType.isInteger || x.elementType == .bool {
      let function: (Int, Int) -> Int =
        switch meeting {
        case .replace: { $1 }
        case .add: { $0 &+ $1 }
        case .multiply: { $0 &* $1 }
        case .maximum: { max($0, $1) }
        case .minimum: { min($0, $1) }
        }
      let merged = merge(x.integers(), updates.integers(), function)
      return ReferenceBackend.shared.cast(.int64(merged, shape: x.shape), to: x.elementType)
    }
    let function: (Double, Double) -> Double =
      switch meeting {
      case .replace: { $1 }
      case .add: { $0 + $1 }
      case .multiply: { $0 * $1 }
      case .maximum: { $0.isNaN || $0 > $1 ? $0 : $1 }
      case .minimum: { $0.isNaN || $0 < $1 ? $0 : $1 }
      }
    let merged = merge(x.doubles(), updates.doubles(), function)
    return ReferenceBackend.shared.cast(Tensor(merged, shape: x.shape), to: x.elementType)
  }

  /// The offset of `coordinate` with `place` along `axis`.
  static func offset(of coordinate: [Int], _ strides: [Int], axis: Int, _ place: Int) -> Int {
    var sum = (place - coordinate[axis]) * strides[axis]
    for (index, stride) in zip(coordinate, strides) { sum += index * stride }
    return sum
  }
}
