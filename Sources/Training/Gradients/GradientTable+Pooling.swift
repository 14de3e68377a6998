import Graph
import Tensors

extension GradientTable {
  /// Pools over windows.
  static let pools: [String: GradientRule] = [
    "MaxPool": { builder, node in
      guard node.outputs.count == 1 else { throw node.hasNoDerivative("its indices are wanted") }
      let dy = builder.gradient(of: node)
      builder.add(to: node.inputs[0]) { builder in
        builder.emit(
          "MaxPoolGradient", domain: OperatorDomain.lowBit, [node.inputs[0], dy],
          node.attributes)
      }
    },
    "AveragePool": averagePool,
  ]

  /// Every output's share goes back to all of its taps: the transpose of a convolution with ones.
  private static let averagePool: GradientRule = { builder, node in
    guard let kernel = node.integers("kernel_shape") else {
      throw node.hasNoDerivative("its kernel is not stated")
    }
    let shape = try builder.shape(of: node.inputs[0])
    let output = try builder.shape(of: node.outputs[0])
    let window = try WindowOfNode(node, input: shape, kernel: kernel)
    let counts = window.tapCounts(
      over: shape, output: output, countsBorder: node.integer("count_include_pad", default: 0) != 0)
    let dy = builder.gradient(of: node)
    builder.add(to: node.inputs[0]) { builder in
      let share = builder.emit("Div", [dy, builder.constant(counts)])
      // Each plane is an image of its own, so that one plane of ones serves all.
      let planes = shape[0] * shape[1]
      let plane = builder.reshape(share, to: [planes, 1] + output[2...])
      let ones = builder.constant(Tensor(repeating: Float(1), shape: [1, 1] + kernel))
      let spread = window.transposed(
        plane, weights: ones, output: [planes, 1] + output[2...], to: [planes, 1] + shape[2...],
        &builder)
      return builder.reshape(spread, to: shape)
    }
  }
}

extension WindowOfNode {
  /// By what the sums of an average pool are divided, `[1, 1, spatial...]`.
  func tapCounts(over input: [Int], output: [Int], countsBorder: Bool) -> Tensor {
    let extents = Array(output[2...])
    let perAxis = extents.indices.map { axis in
      (0..<extents[axis]).map { place in
        let first = place * strides[axis] - padBefore[axis]
        return (0..<kernel[axis]).count { tap in
          let at = first + tap * dilations[axis]
          return countsBorder
            ? at < input[axis + 2] + padAfter[axis] : (0..<input[axis + 2]).contains(at)
        }
      }
    }
    return Tensor(shape: [1, 1] + extents) { (counts: UnsafeMutableBufferPointer<Float>) in
      for index in counts.indices {
        var (rest, product) = (index, 1)
        for axis in extents.indices.reversed() {
          product *= perAxis[axis][rest % extents[axis]]
          rest /= extents[axis]
        }
        counts[index] = Float(product)
      }
    }
  }
}
