import Graph
import PostTraining
import Tensors

// How often codes turn back: Nagel, Fournarakis, Bondarenko and Blankevoort, "Overcoming Oscillations in
// Quantization-Aware Training", ICML 2022. A weight near the border of two codes can jump between them
// in every few steps; settled in such a state its code is chance.

/// What of a weight's codes is counted in every step, for the weights of all layers in one vector.
enum OscillationTracking {
  /// The codes of the step before.
  static let previous = "oscillation\0previous"
  /// The sign of the last change, 0 before the first.
  static let direction = "oscillation\0direction"
  /// How often codes turn back: a running average of 1 for a change against the last change's direction
  /// and 0 for anything else.
  static let frequency = "oscillation\0frequency"

  /// What a step adds to the running average, the paper's momentum.
  static let momentum: Float = 0.01

  /// What a step renews.
  static let statistics = [previous, direction, frequency].map {
    RunningStatistic(name: $0, next: "\($0)\0next")
  }
}

extension Graph {
  /// Adds what finds ``OscillationTracking/statistics`` of the codes in the vector `codes`, exact whole
  /// numbers in float32.
  ///
  /// - Parameter start: The codes before the first step.
  mutating func trackOscillations(of codes: String, from start: Tensor) {
    typealias Name = OscillationTracking
    let zeros = Tensor(repeating: Float(0), shape: start.shape)
    initializers.merge([Name.previous: start, Name.direction: zeros, Name.frequency: zeros]) { $1 }
    var count = 0
    func add(_ operatorType: String, _ inputs: [String], writing name: String? = nil) -> String {
      count += 1
      let name = name ?? "oscillation\0value \(count)"
      nodes.append(Node(operatorType, inputs: inputs, outputs: [name]))
      return name
    }
    func number(_ value: Float) -> String {
      let name = "oscillation\0number \(value)"
      initializers[name] = Tensor(scalar: value)
      return name
    }
    let (previous, direction, frequency) = (
      Name.statistics[0], Name.statistics[1], Name.statistics[2]
    )
    _ = add("Identity", [codes], writing: previous.next)
    let change = add("Sign", [add("Sub", [codes, previous.name])])
    // 1 where both are there and differ, else 0.
    let turned = add("Relu", [add("Neg", [add("Mul", [change, direction.name])])])
    // A step without a change keeps the direction.
    let isStill = add("Sub", [number(1), add("Abs", [change])])
    let kept = add("Mul", [direction.name, isStill])
    _ = add("Add", [change, kept], writing: direction.next)
    let past = add("Mul", [frequency.name, number(1 - Name.momentum)])
    let share = add("Mul", [turned, number(Name.momentum)])
    _ = add("Add", [past, share], writing: frequency.next)
  }
}

extension QuantizedNetwork {
  /// For every filter of a layer the sum of its weights' numbers in a vector of all layers' weights.
  func sums(of vector: Tensor, layer place: Int) -> [Double] {
    let start = layers[..<place].reduce(0) { $0 + $1.shape.reduce(1, *) }
    let values = vector.array(of: Float.self)
    let filterPlaces = FilterPlaces(layers[place])
    return (0..<layers[place].filterCount).map { filter in
      filterPlaces.places(of: [filter]).reduce(0) { $0 + Double(values[start + $1]) }
    }
  }
}

extension QuantizedSession {
  /// The filters of a portion: those that were chosen before training or, of the ones whose codes are
  /// open, those whose codes turn back least.
  func filters(of portion: Portion) throws -> [Int] {
    guard network.settings.order == .oscillation else { return portion.filters }
    let sums = network.sums(
      of: try trainer.statistic(OscillationTracking.frequency), layer: portion.layer)
    let isFrozen = state.weights[portion.layer].isFrozen
    let open = isFrozen.indices.filter { !isFrozen[$0] }
    let order = open.sorted { (sums[$0], $0) < (sums[$1], $1) }
    return Array(order.prefix(portion.filters.count))
  }
}
