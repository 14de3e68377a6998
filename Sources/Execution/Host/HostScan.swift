import Operations
import Tensors

/// Sums along a line of elements.
enum HostScan {
  /// Running sums along `axis`: floating-point numbers in float64, rounded to their type at the end;
  /// integers wrap.
  static func sums(
    _ x: Tensor, axis: Int, excludesItself: Bool, isReversed: Bool
  ) throws -> Tensor {
    if x.elementType.isInteger {
      let sums = scan(
        x.integers(), Lines(x.shape, axis: axis), excludesItself, isReversed
      ) { $0 &+ $1 }
      let wrapped: Tensor
      switch x.elementType {
      case .int32: wrapped = Tensor(sums.map { Int32(truncatingIfNeeded: $0) })
      case .uint32: wrapped = Tensor(sums.map { UInt32(truncatingIfNeeded: $0) })
      case .uint64: wrapped = Tensor(sums.map { UInt64(bitPattern: Int64($0)) })
      default: wrapped = .int64(sums)
      }
      return wrapped.reshaped(to: x.shape)
    }
    let sums = scan(x.doubles(), Lines(x.shape, axis: axis), excludesItself, isReversed) { $0 + $1 }
    return ReferenceBackend.shared.cast(Tensor(sums, shape: x.shape), to: x.elementType)
  }

  private static func scan<Number: Numeric>(
    _ values: [Number], _ lines: Lines, _ excludesItself: Bool, _ isReversed: Bool,
    _ add: (Number, Number) -> Number
  ) -> [Number] {
    var result = values
    for start in lines.starts {
      var sum = Number.zero
      for step in 0..<lines.extent {
        let index = start + (isReversed ? lines.extent - 1 - step : step) * lines.stride
        let next = add(sum, values[index])
        result[index] = excludesItself ? sum : next
        sum = next
      }
    }
    return result
  }
}
