import Graph
import Operations
import PostTraining
import Tensors

/// Filters of a layer that are quantized together.
struct Portion: Sendable, Hashable {
  /// The place of the layer.
  let layer: Int
  /// The filters, in the order in which they were chosen; with ``FilterOrder/oscillation`` only their
  /// number holds.
  let filters: [Int]
  /// Whether it is the layer's first.
  let isFirst: Bool
}

extension QuantizedNetwork {
  /// The places of all layers in the order in which they are quantized.
  private var sequence: [Int] {
    let later = layers.indices.filter { settings.leavesBordersForLast && layers[$0].isBorder }
    return layers.indices.filter { !later.contains($0) } + later
  }

  /// The layers that get their quantizers one after the other before the first portion, one a stage.
  var gradual: [Int] { settings.quantizesGradually ? sequence : [] }

  /// What is quantized, stage by stage: one portion a stage, or none where everything is quantized
  /// from the start.
  ///
  /// A layer's N portions are runs of its filters in order, which differ by one filter at most.
  func portions<B: Backend>(on backend: B) throws -> [Portion] {
    guard settings.schedule != .direct else { return [] }
    return try sequence.flatMap { place in
      let filters = try order(of: layers[place], on: backend)
      let isWhole = settings.leavesBordersForLast && layers[place].isBorder
      let asked = isWhole ? 1 : settings.schedule.groups
      let count = min(asked, filters.count)
      return (0..<count).map { number in
        let range = number * filters.count / count..<(number + 1) * filters.count / count
        return Portion(layer: place, filters: Array(filters[range]), isFirst: number == 0)
      }
    }
  }

  /// The place in the list of portions of what stage `index` settles; negative for the stages before.
  func portion(ofStage index: Int) -> Int {
    settings.codesEveryStep ? index - 1 - gradual.count : index
  }

  /// The filters of a layer in the order in which they are quantized.
  private func order<B: Backend>(of layer: QuantizedLayer, on backend: B) throws -> [Int] {
    let filters = Array(0..<layer.filterCount)
    guard let weights = plan.graph.initializers[layer.weights.name] else {
      preconditionFailure("'\(layer.weights.name)' was planned and is not there")
    }
    let terms: [Double]
    switch settings.order {
    case .index, .oscillation: return filters
    case .norm: terms = weights.array(of: Float.self).map { -Double($0) * Double($0) }
    case .error:
      let quantized = try layer.weights.quantize(
        weights, bias: nil, settings: settings.quantization, on: backend)
      terms = quantized.errors(of: weights).map { $0 * $0 }
    }
    let places = FilterPlaces(layer)
    let sums = filters.map { filter in places.places(of: [filter]).reduce(0) { $0 + terms[$1] } }
    return filters.sorted { (sums[$0], $0) < (sums[$1], $1) }
  }

  /// The stages as a run shows them: one a portion, behind the one in which everything moves where
  /// portions only settle codes, and behind those in which layers are quantized one after the other.
  func stages(of portions: [Portion]) -> [TrainingStage] {
    let joining = gradual.map {
      let label = layers[$0].node.label
      return TrainingStage(name: "\(label) is quantized", layer: label, settlesNothing: true)
    }
    guard !portions.isEmpty else { return joining + [TrainingStage(name: "direct")] }
    let counts = Dictionary(grouping: portions, by: \.layer).mapValues(\.count)
    var seen: [Int: Int] = [:]
    let free = TrainingStage(name: "everything moves", settlesNothing: true)
    return joining + (settings.codesEveryStep ? [free] : [])
      + portions.map { portion in
        let label = layers[portion.layer].node.label
        seen[portion.layer, default: 0] += 1
        guard let count = counts[portion.layer], count > 1, let number = seen[portion.layer] else {
          return TrainingStage(name: label, layer: label)
        }
        return TrainingStage(
          name: "\(label), portion \(number) of \(count)", layer: label,
          components: settings.order == .oscillation ? [] : portion.filters)
      }
  }
}
