import Graph
import Tensors

/// The part of a graph before a value whose channels can be put into another order by reordering constants.
///
/// From the value upwards lie operators that treat each channel alike, up to products whose columns are the
/// channels. Nobody but the readers given and the region itself reads anything in between.
struct PermutableRegion {
  /// Products that give the channels: their constant matrices with the axis of the channels, and their
  /// biases.
  private(set) var constants: [(node: Int, input: Int, axis: Int)] = []
  /// The values between, the last one included.
  private(set) var values: Set<String> = []

  /// - Parameters:
  ///   - value: The value whose channels are to be reordered.
  ///   - channels: How many it has.
  ///   - readers: The nodes that know of the new order.
  /// - Returns: `nil` where there is no such region.
  init?(before value: String, channels: Int, readers: Set<Int>, in index: GraphIndex) {
    var nodes: Set<Int> = []
    var front = [value]
    var hasSource = false
    while let next = front.popLast() {
      guard values.insert(next).inserted else { continue }
      guard !index.outputs.contains(next), let writer = index.writer[next],
        case let node = index.nodes[writer], node.isStandard,
        node.outputs.dropFirst().allSatisfy(\.isEmpty)
      else { return nil }
      nodes.insert(writer)
      if node.operatorType == "MatMul" || node.operatorType == "Gemm" {
        guard addProduct(writer, channels, in: index) else { return nil }
        hasSource = true
      } else {
        guard let sources = addElementwise(writer, channels, in: index) else { return nil }
        front += sources
      }
    }
    let known = nodes.union(readers)
    guard hasSource,
      values.allSatisfy({ (index.readers[$0] ?? []).allSatisfy(known.contains) }),
      (index.readers[value] ?? []).allSatisfy(readers.contains)
    else { return nil }
  }

  /// Takes in a product whose columns are the channels.
  private mutating func addProduct(_ number: Int, _ channels: Int, in index: GraphIndex) -> Bool {
    let node = index.nodes[number]
    guard node.inputs.count > 1, let matrix = index.constants[node.inputs[1]], matrix.rank == 2,
      !index.isConstant(node.inputs[0])
    else { return false }
    let axis = node.integer("transB", default: 0) != 0 ? 0 : 1
    guard matrix.shape[axis] == channels else { return false }
    constants.append((number, 1, axis))
    guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return true }
    guard let bias = index.constants[node.inputs[2]] else { return false }
    return addVector(bias, number, 2, channels)
  }

  /// Takes in an operator that treats channels alike; the values that its channels come from.
  private mutating func addElementwise(
    _ number: Int, _ channels: Int, in index: GraphIndex
  ) -> [String]? {
    let node = index.nodes[number]
    switch node.operatorType {
    case "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh",
      "Erf", "Gelu", "Mish", "Softplus", "Softsign", "ThresholdedRelu", "Abs", "Neg", "Exp", "Sqrt",
      "Identity":
      return [node.inputs[0]]
    case "Clip":
      return node.inputs.dropFirst().allSatisfy({ $0.isEmpty || index.isConstant($0) })
        ? [node.inputs[0]] : nil
    case "Add", "Sub", "Mul", "Div", "Pow", "PRelu":
      var sources: [String] = []
      for (place, input) in node.inputs.enumerated() {
        guard let constant = index.constants[input] else {
          sources.append(input)
          continue
        }
        guard addVector(constant, number, place, channels) else { return nil }
      }
      return sources.isEmpty ? nil : sources
    default: return nil
    }
  }

  /// Takes in a constant that has a number for each channel, or one for all.
  private mutating func addVector(
    _ constant: Tensor, _ node: Int, _ input: Int, _ channels: Int
  ) -> Bool {
    guard let last = constant.shape.last, last != 1 else { return true }
    guard last == channels else { return false }
    constants.append((node, input, constant.rank - 1))
    return true
  }
}

extension Tensor {
  /// The tensor with the indices `places` along `axis`.
  func taking(_ places: some Collection<Int>, along axis: Int) -> Tensor {
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    var result = shape
    result[axis] = places.count
    return withElements(of: Float.self) { elements in
      var taken: [Float] = []
      taken.reserveCapacity(outer * places.count * inner)
      for block in 0..<outer {
        for place in places {
          let first = (block * shape[axis] + place) * inner
          taken += elements[first..<first + inner]
        }
      }
      return Tensor(taken, shape: result)
    }
  }
}
