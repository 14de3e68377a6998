import OperationCases
import Operations
import Tensors
import Testing

/// Operations that move elements, index by index.
@Suite struct ReferenceMovementTests {
  private let reference = ReferenceBackend.shared

  @Test(arguments: zip(OperationCase.movement, OperationCase.movement.indices))
  func everyElementComesFromWhereItShould(_ example: OperationCase, _ number: Int) throws {
    let x = example.inputs[0]
    let result = try example.result(on: reference)
    #expect(result.elementType == x.elementType)
    let values = example.inputs.map { reference.cast($0, to: .float64).array(of: Double.self) }
    let computed = reference.cast(result, to: .float64).array(of: Double.self)
    var expected: [Double] = []
    for index in Indices(result.shape) {
      let (tensor, source) = source(of: index, example)
      let outside = source.contains { $0 < 0 }
      expected.append(
        outside
          ? border(example)
          : values[tensor][Indices.offset(source, in: example.inputs[tensor].shape)])
    }
    #expect(computed == expected)
    #expect(result.shape == shape(of: example))
  }

  /// From which tensor and index the element `index` of the result comes; -1 on a border.
  private func source(of index: [Int], _ example: OperationCase) -> (Int, [Int]) {
    let x = example.inputs[0]
    switch example.operation {
    case .transpose(let permutation):
      return (0, x.shape.indices.map { axis in index[permutation.firstIndex(of: axis) ?? 0] })
    case .slice(let starts, let steps, _):
      return (0, index.indices.map { starts[$0] + steps[$0] * index[$0] })
    case .broadcast:
      return (0, zip(index.suffix(x.rank), x.shape).map { $1 == 1 ? 0 : $0 })
    case .concatenate(let axis):
      var (tensor, position) = (0, index)
      while position[axis] >= example.inputs[tensor].shape[axis] {
        position[axis] -= example.inputs[tensor].shape[axis]
        tensor += 1
      }
      return (tensor, position)
    case .gather(let axis):
      let indices = example.inputs[1]
      let table = Array(index[axis..<(axis + indices.rank)])
      let chosen = indices.array(of: Int64.self)[Indices.offset(table, in: indices.shape)]
      return (0, Array(index[..<axis]) + [Int(chosen)] + Array(index[(axis + indices.rank)...]))
    case .pad(let padding):
      return (
        0,
        index.indices.map { axis in
          walk(index[axis] - padding.before[axis], x.shape[axis], padding.mode)
        }
      )
    default: return (0, index)
    }
  }

  /// Where a border position lies on the input, found by walking step by step; -1 on a constant one.
  private func walk(_ position: Int, _ extent: Int, _ mode: Padding.Mode) -> Int {
    var position = position
    switch mode {
    case .constant: return (0..<extent).contains(position) ? position : -1
    case .edge: return min(max(position, 0), extent - 1)
    case .wrap:
      while position < 0 { position += extent }
      while position >= extent { position -= extent }
    case .reflect:
      while !(0..<extent).contains(position) {
        position = position < 0 ? -position : 2 * (extent - 1) - position
      }
    }
    return position
  }

  private func border(_ example: OperationCase) -> Double {
    guard case .pad(let padding) = example.operation, case .constant(let value) = padding.mode
    else { return .nan }
    return value
  }

  private func shape(of example: OperationCase) -> [Int] {
    let x = example.inputs[0].shape
    switch example.operation {
    case .transpose(let permutation): return permutation.map { x[$0] }
    case .slice(_, _, let extents): return extents
    case .broadcast(let shape): return shape
    case .concatenate(let axis):
      var shape = x
      shape[axis] = example.inputs.map { $0.shape[axis] }.reduce(0, +)
      return shape
    case .gather(let axis):
      return Array(x[..<axis]) + example.inputs[1].shape + Array(x[(axis + 1)...])
    case .pad(let padding):
      return x.indices.map { x[$0] + padding.before[$0] + padding.after[$0] }
    default: return x
    }
  }
}
