import Graph
import PostTraining
import Quantization
import Tensors

// BatchNormalization behind a quantized layer, trained with the statistics of each batch while the
// layer's weights are quantized without its factors. Nagel et al., "A White Paper on Neural Network
// Quantization", 2021, section 5.2.1 ("static folding" is the other way): with a scale a channel the
// factors become parts of the scales, and nothing is rounded anew.
//
// The weights are those that have the normalization's factors already, so that the normalization begins
// as one of factor 1. Its factors stay above 0: the code range of weights is one code longer below 0
// than above, and codes could not change their signs with a factor.

/// The BatchNormalization behind a layer of a network that is trained.
struct KeptNormalization: Sendable {
  /// What it was.
  let folded: FoldedNormalization

  init(_ folded: FoldedNormalization) { self.folded = folded }

  // No name of a model can hold a NUL.
  var scale: String { "\(folded.weights)\0gamma" }
  var mean: String { "\(folded.weights)\0mean" }
  var variance: String { "\(folded.weights)\0variance" }

  /// What the scales begin with: where every factor is 1.
  private var firstScales: [Float] {
    folded.variances.map { Float(($0 + Double(folded.epsilon)).squareRoot()) }
  }

  /// A scale stays above this part of what it began with.
  private static let smallestShare: Float = 0x1p-10

  /// The scales as they count.
  func bounded(_ scales: [Float]) -> [Float] {
    zip(scales, firstScales).map { max($0, $1 * Self.smallestShare) }
  }

  /// What each channel is multiplied by.
  func factors(scales: [Float], variances: [Float]) -> [Double] {
    let epsilon = Double(folded.epsilon)
    return zip(bounded(scales), variances).map { scale, variance -> Double in
      Double(scale) / (Double(variance) + epsilon).squareRoot()
    }
  }

  /// Puts the normalization behind the layer, whose bias becomes its shift.
  func add(behind layer: QuantizedLayer, to graph: inout Graph) {
    guard let number = graph.place(of: layer), let bias = layer.weights.bias,
      let shifts = graph.initializers[bias]?.array(of: Float.self)
    else { preconditionFailure("'\(layer.node.label)' is not there or has no bias") }
    let name = folded.weights
    let output = graph.nodes[number].outputs[0]
    graph.initializers[bias] = Tensor(zip(shifts, folded.means).map { Float(Double($0) + $1) })
    graph.initializers[scale] = Tensor(firstScales)
    graph.initializers["\(name)\0bound"] = Tensor(firstScales.map { $0 * Self.smallestShare })
    graph.initializers[mean] = Tensor(folded.means.map { Float($0) })
    graph.initializers[variance] = Tensor(folded.variances.map { Float($0) })
    graph.nodes[number].inputs = Array(graph.nodes[number].inputs.prefix(2))
    graph.nodes[number].outputs = ["\(output)\0product"]
    graph.nodes += [
      Node("Max", inputs: [scale, "\(name)\0bound"], outputs: ["\(name)\0bounded"]),
      Node(
        "BatchNormalization",
        inputs: ["\(output)\0product", "\(name)\0bounded", bias, mean, variance], outputs: [output],
        attributes: [
          "epsilon": .float(folded.epsilon), "momentum": .float(folded.momentum),
        ]),
    ]
  }
}

extension Graph {
  /// The place of a layer's node, in whatever way its weights reach it.
  func place(of layer: QuantizedLayer) -> Int? {
    let name = layer.weights.name
    return nodes.firstIndex {
      $0.operatorType == layer.node.operatorType && $0.inputs.count > 1
        && [name, "\(name)\0fake", "\(name)\0held"].contains($0.inputs[1])
    }
  }
}

extension QuantizedNetwork {
  /// The plan's graph and the state of its quantization with the parameters of now, every kept
  /// normalization a part of its layer.
  ///
  /// Codes stay as they are; the factor of a channel becomes a part of its scale, computed in `Double`,
  /// the rest a part of the bias.
  func folded(
    _ state: QuantizationState, _ tensors: [String: Tensor]
  ) -> (graph: Graph, state: QuantizationState) {
    var (graph, state) = (plan.graph.replacingInitializers(tensors), state)
    for (place, layer) in layers.enumerated() {
      guard let kept = layer.normalization, let bias = layer.weights.bias,
        let shifts = graph.initializers[bias]?.array(of: Float.self),
        let scales = tensors[kept.scale]?.array(of: Float.self),
        let means = tensors[kept.mean]?.array(of: Float.self),
        let variances = tensors[kept.variance]?.array(of: Float.self)
      else { continue }
      let factors = kept.factors(scales: scales, variances: variances)
      graph.initializers[bias] = Tensor(
        shifts.indices.map { Float(Double(shifts[$0]) - Double(means[$0]) * factors[$0]) })
      let before = state.weights[place].quantizers
      let after = before.enumerated().map { $1?.scaled(by: factors[$0]) }
      var weights = graph.weights(of: layer).array(of: Float.self)
      let filterPlaces = FilterPlaces(layer)
      for filter in factors.indices {
        let isCoded = settings.codesEveryStep || state.weights[place].isFrozen[filter]
        for index in filterPlaces.places(of: [filter]) {
          guard isCoded, before.indices.contains(filter), let old = before[filter],
            let new = after[filter]
          else {
            weights[index] = Float(Double(weights[index]) * factors[filter])
            continue
          }
          weights[index] = new.scale * Float(old.code(of: weights[index]) - old.zeroPoint)
        }
      }
      graph.initializers[layer.weights.name] = Tensor(weights, shape: layer.shape)
      state.weights[place].quantizers = after
    }
    return (graph, state)
  }
}
