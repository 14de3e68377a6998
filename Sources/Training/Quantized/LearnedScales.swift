import PostTraining
import Quantization
import Tensors

// Scales that are trained: Esser et al., "Learned Step Size Quantization", ICLR 2020. The gradient of
// one is divided by the root of the number of values that it quantizes times the largest level.
//
// Departing from it, the parameter is not the scale but what the scale that the search has found is
// multiplied by, and begins at 1: scales differ by orders of magnitude, and Adam moves all parameters
// alike.

/// The factor of a scale, or of a row of them, that is trained.
struct LearnedScale: Sendable {
  /// Its name as a parameter.
  let name: String
  /// Its shape: none for one scale, the number of rows otherwise.
  let shape: [Int]
  /// What the gradient is multiplied by.
  let factor: Float
  /// Whose it is.
  let owner: Owner

  enum Owner: Sendable {
    /// The place of the layer.
    case weights(Int)
    /// The name of the group of activations.
    case activations(String)
  }

  /// A learned scale stays above this part of the scale that it began with, so that it never reaches
  /// 0, where no derivative leads back.
  static let smallestShare: Float = 1 / 16

  /// The scales of a network's activations and, where that is wanted, weights; groups of weights
  /// within a filter keep theirs.
  static func all(
    layers: [QuantizedLayer], activations: [QuantizedActivation], plan: QuantizationPlan,
    includesWeights: Bool
  ) -> [LearnedScale] {
    var scales: [LearnedScale] = []
    func factor(_ count: Int, _ largest: Int) -> Float {
      1 / (Float(count) * Float(max(largest, 1))).squareRoot()
    }
    for (place, layer) in layers.enumerated()
    where includesWeights && layer.weights.groupSize == nil {
      let rows = layer.sharesQuantizer ? 1 : layer.filterCount
      scales.append(
        LearnedScale(
          name: name(ofWeights: layer.weights.name), shape: layer.sharesQuantizer ? [] : [rows],
          factor: factor(
            layer.shape.reduce(1, *) / rows, layer.weights.levels - 1 - layer.weights.levels / 2),
          owner: .weights(place)))
    }
    let groups = Dictionary(grouping: activations, by: \.group)
    for (group, members) in groups.sorted(by: { $0.key < $1.key }) {
      let count = members.reduce(0) { $0 + $1.shape.dropFirst().reduce(1, *) }
      scales.append(
        LearnedScale(
          name: name(ofGroup: group), shape: [],
          factor: factor(count, (plan.values[group]?.levels ?? 2) - 1), owner: .activations(group)))
    }
    return scales
  }

  // No name of a model can hold a NUL.
  static func name(ofWeights weights: String) -> String { "\(weights)\0scale" }
  static func name(ofGroup group: String) -> String { "\(group)\0scale" }
}

extension QuantizationState {
  /// The scale as it was last found by a search, 1 for rows without; `nil` before.
  func scale(of learned: LearnedScale) -> Tensor? {
    switch learned.owner {
    case .weights(let place):
      guard !weights[place].quantizers.isEmpty else { return nil }
      return Tensor(weights[place].quantizers.map { $0?.scale ?? 1 }, shape: learned.shape)
    case .activations(let group):
      guard let quantizer = plan.values[group]?.quantizer else { return nil }
      return Tensor(scalar: quantizer.scale)
    }
  }

  /// The state with what has become of the scales.
  func adopting(_ tensors: [String: Tensor], of scales: [LearnedScale]) -> QuantizationState {
    var state = self
    for learned in scales {
      guard let tensor = tensors[learned.name], let start = scale(of: learned) else { continue }
      let values = zip(tensor.array(of: Float.self), start.array(of: Float.self)).map {
        max($0 * $1, $1 * LearnedScale.smallestShare)
      }
      func moved(_ quantizer: Quantizer, _ value: Float) -> Quantizer {
        let limits = Quantizer.scaleRange
        return Quantizer(
          scale: min(max(value, limits.lowerBound), limits.upperBound),
          zeroPoint: quantizer.zeroPoint, levels: quantizer.levels)
      }
      switch learned.owner {
      case .weights(let place):
        state.weights[place].quantizers = zip(weights[place].quantizers, values).map { old, value in
          old.map { moved($0, value) }
        }
      case .activations(let group):
        for (name, value) in plan.values where value.group == group {
          state.plan.values[name]?.quantizer = value.quantizer.map { moved($0, values[0]) }
        }
      }
    }
    return state
  }
}
