import Datasets
import Execution
import Glibc
import Graph
import Operations
import PostTraining
import Tensors
import Training

/// Trains a unit of a network.
struct UnitTraining<B: Backend> {
  let settings: ReconstructionSettings
  let pass: Improvement
  let replay: CalibrationReplay
  /// The samples to learn from, and those that what was learned is judged by.
  let samples: (learning: [Int], judging: [Int])
  let backend: B

  /// What became of a unit.
  struct Outcome {
    /// The mean squared error of its outputs, over that of the unit as it was; `nil` where there was none.
    var error: Double?
    /// The signal-to-noise ratios of its outputs before and after, in decibels.
    var ratios: (before: Double, after: Double)?
    /// Why it stays as it was.
    var reason: String?
    /// Samples held at a time.
    var held = 0
    /// Whether the codes of weights stayed, and scales and biases alone have changed.
    var keepsCodes = false
  }

  /// Trains a unit; the network gets what it has learned where that leaves a smaller error than what it
  /// had, on the samples that it is judged by.
  ///
  /// - Parameters:
  ///   - settled: Groups of activations whose scales stay; those learned here join them.
  ///   - number: The unit's number, which its random choices depend on.
  ///   - progress: Called after each step.
  /// - Throws: `GraphError` for a unit that cannot be trained through, of kind `unsupported`, and for
  ///   losses and values that are not finite.
  func train(
    _ unit: ReconstructionUnit, number: Int, in network: inout ReconstructedNetwork,
    settled: inout Set<String>, progress: () -> Void
  ) throws -> Outcome {
    let graph = try UnitGraph(unit, of: network)
    let capacity = UnitSamples.capacity(of: graph, bytes: settings.heldBytes)
    let learning = samples.learning
    let windows = stride(from: 0, to: learning.count, by: capacity).map {
      Array(learning[$0..<min($0 + capacity, learning.count)])
    }
    var held = try hold(windows[0], graph, network)
    let first = try UnitErrors(graph, held, on: backend)
    guard first.error > 0 else {
      return Outcome(reason: "rounding costs its outputs nothing")
    }
    let trainable = TrainableUnit(
      graph, in: network, factors: first.factors, settled: settled, settings: settings,
      movesScales: !network.isPowerOfTwo)
    var trainer = try Trainer(trainable, on: backend)
    var generator = SplitMix64(state: settings.seed &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15)
    for step in 0..<settings.iterations {
      let window = step * windows.count / settings.iterations
      if step > 0, window != (step - 1) * windows.count / settings.iterations {
        held = try hold(windows[window], graph, network)
      }
      let chosen = (0..<network.batch).map { _ in generator.draw(below: held.count) }
      var inputs = held.batch(chosen, of: graph)
      for dropped in trainable.dropped {
        inputs[UnitGraph.flat(dropped.value)] = generator.mask(
          dropped.shape, rows: network.batch)
      }
      try trainer.setSettings(TrainableUnit.settings(settings.pull(at: step)))
      do {
        _ = try trainer.advance(
          inputs, target: held.targets(chosen, of: graph, by: first.factors),
          rate: settings.rate(at: step))
      } catch let problem as LossNotFinite {
        throw GraphError.invalid("\(pass.rawValue): \(network.name(of: unit)): \(problem)")
      }
      progress()
    }
    let tensors = try trainer.trainedTensors()
    // Where samples are few, scales and biases can be right and rounding fitted to chance.
    let candidates = (settings.scope == .blocks ? [false, true] : [false]).map { keepsCodes in
      var learned = network
      trainable.adopt(tensors, in: &learned, share: settings.share, keepsCodes: keepsCodes)
      for layer in unit.layers { learned.fitBias(of: layer) }
      return learned
    }
    let start = Outcome(held: held.count)
    held = try hold(Array(samples.judging.prefix(capacity)), graph, network)
    let outcome = try adoptBest(
      of: candidates, for: unit, in: &network, held, factors: first.factors, start)
    if outcome.reason == nil { settled.formUnion(trainable.groups) }
    return outcome
  }

  /// Puts the candidate with the least error on `judged` in the network's place, if it is better.
  private func adoptBest(
    of candidates: [ReconstructedNetwork], for unit: ReconstructionUnit,
    in network: inout ReconstructedNetwork, _ judged: UnitSamples, factors: [Float],
    _ start: Outcome
  ) throws -> Outcome {
    var outcome = start
    let before = try UnitErrors(UnitGraph(unit, of: network), judged, on: backend)
    var best = network
    for (number, candidate) in candidates.enumerated() {
      let after = try UnitErrors(UnitGraph(unit, of: candidate), judged, on: backend)
      let error = after.squares(by: factors) / before.squares(by: factors)
      if let least = outcome.error, !(error < least) { continue }
      (outcome.error, outcome.ratios) = (error, (before.ratio, after.ratio))
      outcome.keepsCodes = number == 1
      best = candidate
    }
    guard let error = outcome.error, error < 1 else {
      outcome.reason = "what was learned is no better than what it had"
      return outcome
    }
    network = best
    return outcome
  }

  private func hold(
    _ window: [Int], _ graph: UnitGraph, _ network: ReconstructedNetwork
  ) throws -> UnitSamples {
    try UnitSamples(window, of: replay, to: graph, in: network, for: pass, on: backend)
  }
}

extension Trainer {
  /// A trainer of a unit.
  fileprivate init(_ trainable: TrainableUnit, on backend: B) throws {
    let optimizer = Optimizer(.adam())
    let step = try StepGraph(
      trainable.unit.graph, batch: trainable.unit.batch, loss: .squaredError,
      optimizer: optimizer, scope: trainable.scope)
    try self.init(step, of: trainable.unit.graph, optimizer: optimizer, on: backend)
  }
}

/// The errors of a unit's outputs over the samples held, with everything quantized.
struct UnitErrors {
  /// For each output the sums of the squares of the float network's numbers and of the differences.
  private let sums: [(signal: Double, noise: Double)]
  /// The numbers of all outputs of all samples.
  private let counts: [Int]

  init<B: Backend>(_ unit: UnitGraph, _ held: UnitSamples, on backend: B) throws {
    var graph = unit
    graph.joinOutputs(by: unit.outputs.map { _ in 1 })
    let executor = try Executor(graph.graph, on: backend)
    var sums = unit.outputs.map { _ in (signal: 0.0, noise: 0.0) }
    let ones = unit.outputs.map { _ in Float(1) }
    for first in stride(from: 0, to: held.count, by: unit.batch) {
      let chosen = (first..<first + unit.batch).map { min($0, held.count - 1) }
      let found = try executor.run(held.batch(chosen, of: unit))[UnitGraph.output]
      let targets = held.targets(chosen, of: unit, by: ones).array(of: Float.self)
      let values = found?.array(of: Float.self) ?? []
      var place = 0
      // What fills up the last batch does not count.
      for _ in 0..<min(unit.batch, held.count - first) {
        for (number, port) in unit.outputs.enumerated() {
          for _ in 0..<port.count {
            let (target, value) = (Double(targets[place]), Double(values[place]))
            sums[number].signal += target * target
            sums[number].noise += (target - value) * (target - value)
            place += 1
          }
        }
      }
    }
    self.sums = sums
    counts = unit.outputs.map { $0.count * held.count }
  }

  /// The sum of all squared errors.
  var error: Double { sums.reduce(0) { $0 + $1.noise } }

  /// Signal over noise of all outputs together, each by its own signal, in decibels.
  var ratio: Double {
    let parts = sums.map { $0.signal > 0 ? $0.noise / $0.signal : 0 }
    let mean = parts.reduce(0, +) / Double(parts.count)
    return mean == 0 ? .infinity : -10 * log10(mean)
  }

  /// What to multiply outputs by so that their squared errors are counted in parts of their signals and have
  /// the mean 1.
  var factors: [Float] {
    let weights = zip(sums, counts).map { $0.signal > 0 ? Double($1) / $0.signal : 1 }
    let mean =
      zip(sums, weights).reduce(0.0) { $0 + $1.0.noise * $1.1 } / Double(counts.reduce(0, +))
    return weights.map { Float(($0 / mean).squareRoot()) }
  }

  /// The sum of squared errors, each output multiplied by its number.
  func squares(by factors: [Float]) -> Double {
    zip(sums, factors).reduce(0) { $0 + $1.0.noise * Double($1.1) * Double($1.1) }
  }
}

extension SplitMix64 {
  /// A number from 0 to `count - 1`.
  fileprivate mutating func draw(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// Which elements of `shape` are quantized: each with probability 1/2. A row for each sample.
  fileprivate mutating func mask(_ shape: [Int], rows: Int) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor(shape: [rows, count / rows]) { (elements: UnsafeMutableBufferPointer<Bool>) in
      var bits: UInt64 = 0
      for place in elements.indices {
        if place & 63 == 0 { bits = next() }
        elements[place] = bits & 1 == 1
        bits >>= 1
      }
    }
  }
}
