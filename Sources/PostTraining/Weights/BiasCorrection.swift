import Graph
import Quantization
package import Tensors

/// Takes the mean error of quantized weights out of a layer's bias.
///
/// Rounding changes the weights of channel m by `dW[m]`, and its sums by `dW[m] . x`. The mean of that
/// over the data, `dW[m] . E[x]`, is a shift that the bias can take back (Nagel et al., Data-Free
/// Quantization Through Weight Equalization and Bias Correction, ICCV 2019, equation 17, with means
/// measured instead of inferred). Layers whose data are mostly of one sign, such as those behind a
/// Relu, gain most.
struct BiasCorrection {
  /// The mean of every input channel.
  let means: [Double]

  /// What to add to the bias of every output channel; `nil` when the means do not fit the layer.
  func shifts(
    _ node: Node, weights: Tensor, quantized: QuantizedWeights
  ) -> [Double]? {
    let errors = quantized.errors(of: weights)
    switch node.operatorType {
    case "Conv":
      let (outputs, inputs) = (weights.shape[0], weights.shape[1])
      let groups = node.integer("group", default: 1)
      guard means.count == inputs * groups, outputs % groups == 0 else { return nil }
      let taps = weights.shape[2...].reduce(1, *)
      return (0..<outputs).map { output in
        let first = output / (outputs / groups) * inputs
        var shift = 0.0
        var place = output * inputs * taps
        for input in 0..<inputs {
          var sum = 0.0
          for _ in 0..<taps {
            sum += errors[place]
            place += 1
          }
          shift -= sum * means[first + input]
        }
        return shift
      }
    case "Gemm", "MatMul":
      guard weights.rank == 2 else { return nil }
      let isTransposed = node.integer("transB", default: 0) != 0
      let (inputs, outputs) = (
        weights.shape[isTransposed ? 1 : 0], weights.shape[isTransposed ? 0 : 1]
      )
      guard means.count == inputs else { return nil }
      return (0..<outputs).map { output in
        var shift = 0.0
        for input in 0..<inputs {
          let place = isTransposed ? output * inputs + input : input * outputs + output
          shift -= errors[place] * means[input]
        }
        return shift
      }
    default: return nil
    }
  }
}

extension QuantizedWeights {
  /// Quantized minus float, element by element.
  package func errors(of weights: Tensor) -> [Double] {
    let rows = WeightRows(weights, axis: axis, groupSize: groupSize)
    let scales = scales
    return weights.withElements(of: Float.self) { values in
      codes.withElements(of: Int8.self) { codes in
        var errors = [Double](repeating: 0, count: codes.count)
        for row in 0..<rows.count {
          let scale = Double(scales[row])
          let zeroPoint = Double(quantizers[row].signedZeroPoint)
          for position in rows.range(row) {
            let place = rows.places?[position] ?? position
            errors[place] = scale * (Double(codes[place]) - zeroPoint) - Double(values[place])
          }
        }
        return errors
      }
    }
  }
}
