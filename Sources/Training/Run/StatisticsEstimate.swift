import Execution
import Graph
import Operations
import Tensors

/// Finds the statistics of a network's BatchNormalization anew: with the parameters of the end, over
/// batches that are normalized by their own statistics, as in training. The running averages of training
/// lag behind weights that move, and codes that jump move far: Nagel et al., "Overcoming Oscillations in
/// Quantization-Aware Training", ICML 2022.
struct StatisticsEstimate<B: Backend> {
  private let executor: Executor<B>
  /// The values of mean and variance of a batch, by the initializers of the model.
  private let pairs: [(mean: RunningStatistic, variance: RunningStatistic)]

  /// - Parameter graph: The network for batches, with the parameters of the end.
  /// - Returns: `nil` for a network without BatchNormalization.
  init?(_ graph: Graph, on backend: B) throws {
    var graph = graph
    // The step trains the first output; what only others read has no statistics there.
    graph.outputs = Array(graph.outputs.prefix(1))
    graph.nodes = try graph.sortedNodes()
    graph.removeDeadNodes()
    var names: [(String, String)] = []
    for index in graph.nodes.indices
    where graph.nodes[index].operatorType == "BatchNormalization"
      && graph.nodes[index].domain.isEmpty
    {
      // Nothing of the running average, all of the batch.
      graph.nodes[index].attributes["momentum"] = .float(0)
      names.append((graph.nodes[index].inputs[3], graph.nodes[index].inputs[4]))
    }
    guard !names.isEmpty else { return nil }
    let statistics = Dictionary(
      try graph.decomposeNormalizations().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    pairs = names.compactMap { mean, variance in
      guard let mean = statistics[mean], let variance = statistics[variance] else { return nil }
      return (mean, variance)
    }
    graph.outputs = pairs.flatMap { [$0.mean, $0.variance] }.map {
      ValueInfo(name: $0.next, elementType: .float32)
    }
    graph.removeDeadNodes()
    executor = try Executor(graph, on: backend)
  }

  /// Mean and variance over all batches, by the names that the model has for them; memory does not
  /// grow with the number of batches.
  ///
  /// - Parameters:
  ///   - count: Batches, at least 1.
  ///   - batch: The model's inputs of one.
  func statistics(
    batches count: Int, _ batch: (Int) throws -> [String: Tensor]
  ) throws -> [String: Tensor] {
    precondition(count > 0, "statistics of no batch")
    var sums: [String: [Double]] = [:]
    for number in 0..<count {
      let results = try executor.run(batch(number))
      func values(_ statistic: RunningStatistic) -> [Double] {
        (results[statistic.next]?.array(of: Float.self) ?? []).map(Double.init)
      }
      for pair in pairs {
        let (means, variances) = (values(pair.mean), values(pair.variance))
        // Of batches of one size the mean square is the mean of theirs.
        let squares = zip(means, variances).map { $0 * $0 + $1 }
        for (name, terms) in [(pair.mean.name, means), (pair.variance.name, squares)] {
          let zeros = [Double](repeating: 0, count: terms.count)
          sums[name] = zip(sums[name] ?? zeros, terms).map { $0 + $1 }
        }
      }
    }
    var found: [String: Tensor] = [:]
    for pair in pairs {
      guard let means = sums[pair.mean.name], let squares = sums[pair.variance.name] else {
        continue
      }
      let (mean, square) = (
        means.map { $0 / Double(count) }, squares.map { $0 / Double(count) }
      )
      found[pair.mean.name] = Tensor(mean.map { Float($0) })
      found[pair.variance.name] = Tensor(
        zip(square, mean).map { Float(max($0 - $1 * $1, 0)) })
    }
    return found
  }
}
