import Glibc
import OperationCases
import Operations
import Tensors
import Testing

/// Reductions, softmax and normalization against double precision, with tolerances from the number of
/// terms, and the canonical order bit for bit.
@Suite struct ReferenceReductionTests {
  private let reference = ReferenceBackend.shared

  @Test(arguments: zip(OperationCase.reductions, OperationCase.reductions.indices))
  func reductionsAreCloseToExact(_ example: OperationCase, _ number: Int) throws {
    guard case .reduce(let function, let axes) = example.operation else { return }
    let x = example.inputs[0]
    let result = try example.result(on: reference)
    #expect(result.shape == x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] })
    #expect(result.elementType == x.elementType)
    if x.elementType.isInteger {
      let groups = groups(x.array64(), x.shape, result.shape)
      let expected = groups.map { integerReduction(function, $0, x.elementType) }
      #expect(result.array64() == expected)
    } else {
      for (group, computed) in zip(groups(doubles(x), x.shape, result.shape), doubles(result)) {
        check(function, group, computed, x.elementType)
      }
    }
  }

  /// The elements that belong to every output, in row-major order.
  private func groups<Value>(_ values: [Value], _ shape: [Int], _ outputs: [Int]) -> [[Value]] {
    var groups = Indices(outputs).map { _ in [Value]() }
    for (position, index) in Indices(shape).enumerated() {
      groups[Indices.offset(index, in: outputs)].append(values[position])
    }
    return groups
  }

  private func check(
    _ function: Reduction, _ values: [Double], _ computed: Double, _ elementType: ElementType
  ) {
    if function == .product {
      // Specified to the bit, because what overflows or vanishes on the way depends on the order.
      let product = values.reduce(Float(1)) { $0 * Float($1) }
      #expect(computed == Double(product) || computed.isNaN && product.isNaN)
      return
    }
    let expected = exact(function, values)
    // Squares overflow float32 and not float64.
    if function == .l2, expected > Double(Float.greatestFiniteMagnitude.squareRoot()) {
      #expect(computed == .infinity)
      return
    }
    if expected.isNaN || expected.isInfinite || computed.isInfinite {
      // A sum of squares of the largest number overflows float32 and not float64.
      #expect(
        computed == expected || computed.isNaN && expected.isNaN
          || computed.isInfinite && abs(expected) > Double(Float.greatestFiniteMagnitude),
        "\(function) of \(values.count)")
      return
    }
    // Every addition errs by half an ulp of a partial sum; 512 + n / 512 of them follow each other.
    let terms = Double(min(values.count, 512) + values.count / 512 + 8)
    var magnitude = values.reduce(0) { $0 + abs($1) }
    switch function {
    case .mean: magnitude /= Double(max(values.count, 1))
    case .maximum, .minimum: magnitude = 0
    case .l2: magnitude = abs(expected)
    case .sumOfSquares: magnitude = expected
    case .logSum: magnitude = magnitude / abs(exact(.sum, values)) + abs(expected)
    case .logSumExp: magnitude = 1 + abs(expected)
    case .sum, .l1, .product: break
    }
    let unit = elementType == .float16 ? 0x1p-11 / terms + 0x1p-24 : 0x1p-24
    #expect(
      abs(computed - expected) <= terms * unit * magnitude,
      "\(function) of \(values.count) is \(computed), not \(expected)")
  }

  private func exact(_ function: Reduction, _ x: [Double]) -> Double {
    switch function {
    case .sum: x.reduce(0, +)
    case .mean: x.reduce(0, +) / Double(x.count)
    case .maximum: x.contains { $0.isNaN } ? .nan : x.max() ?? -.infinity
    case .minimum: x.contains { $0.isNaN } ? .nan : x.min() ?? .infinity
    case .product: x.reduce(1, *)
    case .l1: x.reduce(0) { $0 + abs($1) }
    case .l2: sqrt(x.reduce(0) { $0 + $1 * $1 })
    case .sumOfSquares: x.reduce(0) { $0 + $1 * $1 }
    case .logSum: log(x.reduce(0, +))
    case .logSumExp:
      logSumExp(x)
    }
  }

  private func logSumExp(_ x: [Double]) -> Double {
    if x.contains(where: \.isNaN) { return .nan }
    guard let top = x.max(), top.isFinite else { return x.max() ?? -.infinity }
    return top + log(x.reduce(0) { $0 + exp($1 - top) })
  }

  /// In wrapping arithmetic of the element type.
  private func integerReduction(_ function: Reduction, _ x: [Int], _ type: ElementType) -> Int {
    func wrapped(_ value: Int) -> Int {
      reference.cast(Tensor(scalar: Int64(value)), to: type).array64()[0]
    }
    switch function {
    case .sum: return wrapped(x.reduce(0, &+))
    case .mean: return wrapped(x.reduce(0, &+) / x.count)
    case .maximum: return x.max() ?? 0
    case .minimum: return x.min() ?? 0
    case .product: return wrapped(x.reduce(1, &*))
    case .l1: return wrapped(x.reduce(0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) })
    case .sumOfSquares: return wrapped(x.reduce(0) { $0 &+ $1 &* $1 })
    default: preconditionFailure("\(function) of integers")
    }
  }

  /// The order that kernels copy: blocks of 512 in sequence, block sums in sequence.
  @Test func sumsHaveTheCanonicalOrder() {
    var samples = SampleValues(seed: 33)
    for count in [1, 2, 512, 513, 1024, 1700] {
      let x = samples.floats([count])
      let values = x.array(of: Float.self)
      var total: Float = 0
      for start in stride(from: 0, to: count, by: 512) {
        total += values[start..<min(start + 512, count)].reduce(0, +)
      }
      #expect(reference.reduce(.sum, x, axes: [0]).array(of: Float.self) == [total])
      #expect(
        reference.reduce(.mean, x, axes: [0]).array(of: Float.self) == [total / Float(count)])
    }
  }

  @Test(arguments: zip(OperationCase.reductions, OperationCase.reductions.indices))
  func rowsAreCloseToExact(_ example: OperationCase, _ number: Int) throws {
    let x = example.inputs[0]
    let axes: [Int]
    switch example.operation {
    case .softmax(let axis, _): axes = [axis]
    case .normalize(let all, _): axes = all
    default: return
    }
    let values = doubles(x)
    let groupShape = x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] }
    var members = Indices(groupShape).map { _ in [Int]() }
    for (position, index) in Indices(x.shape).enumerated() {
      members[Indices.offset(index, in: groupShape)].append(position)
    }
    let computed = doubles(try example.result(on: reference))
    let unit = x.elementType == .float16 ? 0x1p-10 : 0x1p-17
    for group in members {
      let expected = row(example.operation, group.map { values[$0] })
      for (position, e) in zip(group, expected) {
        let c = computed[position]
        #expect(
          c == e || c.isNaN && e.isNaN || abs(c - e) <= unit * max(1, abs(e)),
          "\(example): \(c), not \(e)")
      }
    }
  }

  private func row(_ operation: OperationCase.Operation, _ x: [Double]) -> [Double] {
    switch operation {
    case .softmax(_, let logarithm):
      if x.contains(where: \.isNaN) || !x.contains(where: { $0 > -.infinity }) {
        return x.map { _ in .nan }
      }
      let sum = log(x.reduce(0) { $0 + exp($1 - x[0]) })
      guard x[0] > -.infinity else { return [] }
      return x.map { logarithm ? $0 - x[0] - sum : exp($0 - x[0] - sum) }
    case .normalize(_, let epsilon):
      let mean = x.reduce(0, +) / Double(x.count)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
      return x.map { ($0 - mean) / sqrt(variance + Double(epsilon)) }
    default: return []
    }
  }

  @Test func localResponsesAreDividedByTheirNeighbours() throws {
    for example in OperationCase.reductions {
      guard
        case .localResponseNormalize(let size, let alpha, let beta, let bias) = example.operation
      else { continue }
      let x = example.inputs[0]
      let values = doubles(x)
      let computed = doubles(try example.result(on: reference))
      for (position, index) in Indices(x.shape).enumerated() {
        var squares = 0.0
        for channel in 0..<x.shape[1] {
          let distance = channel - index[1]
          if distance < -((size - 1) / 2) || distance > size / 2 { continue }
          var other = index
          other[1] = channel
          squares += pow(values[Indices.offset(other, in: x.shape)], 2)
        }
        let base = Double(bias) + Double(alpha) / Double(size) * squares
        let expected = values[position] / pow(base, Double(beta))
        #expect(abs(computed[position] - expected) <= 1e-6 * max(1, abs(expected)))
      }
    }
  }

  private func doubles(_ x: Tensor) -> [Double] {
    reference.cast(x, to: .float64).array(of: Double.self)
  }
}

extension Tensor {
  /// Integers of any type as `Int`.
  fileprivate func array64() -> [Int] {
    ReferenceBackend.shared.cast(self, to: .int64).array(of: Int64.self).map(Int.init)
  }
}
