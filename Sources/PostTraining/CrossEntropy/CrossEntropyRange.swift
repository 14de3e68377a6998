import Execution
import Glibc
import Graph
import Operations
import Quantization
import Tensors

/// Chooses the range of a classifier's last activation by what it does to the classes' probabilities.
///
/// The activation is what the last layer gives, or, where that is not quantized, what it reads. Over the
/// samples of calibration the float network runs as far as there; then for each of a fixed set of
/// quantizers the activation alone is quantized and followed to the logits. The quantizer of the least
/// sum of cross entropies between the float and the quantized probabilities is taken: of the least
/// divergence, which is the cross entropy less the entropy of the float ones, that are the same for all.
/// Memory is that of one batch and of one sum a quantizer, in whole multiples of 2^-40: sums do not
/// depend on order or batches.
///
/// Method: Nagel et al., A White Paper on Neural Network Quantization, 2021, equation 17.
struct CrossEntropyRange<B: Backend> {
  let classifier: Classifier
  let replay: CalibrationReplay
  let backend: B

  /// Parts of the range below and above zero that candidates have: eighths.
  static var steps: Int { 8 }

  /// Divergences beyond this do not tell candidates apart; over 2^40 samples, sums do not overflow.
  private static var limit: Double { 0x1p40 }

  /// The quantizers that are tried: the one of least squared error, then those of parts of the range.
  static func candidates(_ histogram: Histogram, start: Quantizer) -> [Quantizer] {
    var candidates = [start]
    guard let low = histogram.minimum, let high = histogram.maximum else { return candidates }
    for below in 1...steps where low < 0 || below == steps {
      for above in 1...steps where high > 0 || above == steps {
        let candidate = Quantizer(
          minimum: min(low, 0) * Float(below) / Float(steps),
          maximum: max(high, 0) * Float(above) / Float(steps), levels: start.levels,
          scheme: .affine)
        if !candidates.contains(candidate) { candidates.append(candidate) }
      }
    }
    return candidates
  }

  /// The best of some quantizers, the first of equals, with the mean divergence of each in nats.
  ///
  /// - Throws: What running the graph throws; ``Classifier/Obstacle`` where logits are no vectors.
  func best(of candidates: [Quantizer], in graph: Graph) throws -> (
    quantizer: Quantizer, divergences: [Double]
  ) {
    let float = try Executor(graph.giving([classifier.value]), on: backend)
    let tail = try classifier.tail(in: graph).map { try Executor($0, on: backend) }
    var sums = [Int128](repeating: 0, count: candidates.count)
    var count = 0
    try replay.forEachBatch(of: Array(0..<replay.count), graph) { inputs, samples in
      guard let values = try float.run(inputs)[classifier.value] else { return }
      func logits(_ values: Tensor) throws -> [[Double]] {
        let results = try tail?.run([classifier.value: values])[classifier.logits]
        return try classifier.rows(of: results ?? values, samples: samples.count)
      }
      let truth = try logits(values).map(LogSoftmax.init)
      // Samples whose own logits are no numbers say nothing of a range.
      count += truth.count(where: \.isFinite)
      for (place, candidate) in candidates.enumerated() {
        let rounded = values.withElements(of: Float.self) { elements in
          elements.map { candidate.value(of: candidate.code(of: $0)) }
        }
        let found = try logits(Tensor(rounded, shape: values.shape))
        for (row, logits) in zip(truth, found) where row.isFinite {
          let divergence = row.divergence(of: LogSoftmax(logits))
          let bounded = divergence.isFinite ? min(divergence, Self.limit) : Self.limit
          sums[place] += Int128((bounded * 0x1p40).rounded(.toNearestOrEven))
        }
      }
    }
    guard count > 0 else { throw Classifier.Obstacle(reason: "no sample has finite logits") }
    let least = sums.indices.min { sums[$0] < sums[$1] } ?? 0
    return (candidates[least], sums.map { Double($0) * 0x1p-40 / Double(count) })
  }
}

/// The logarithms of probabilities.
struct LogSoftmax {
  private let logarithms: [Double]

  init(_ logits: [Double]) {
    let largest = logits.max() ?? 0
    let sum = logits.reduce(0) { $0 + exp($1 - largest) }
    logarithms = logits.map { $0 - largest - log(sum) }
  }

  var isFinite: Bool { logarithms.allSatisfy { $0.isFinite } }

  /// `sum p (log p - log q)`, in nats.
  func divergence(of other: LogSoftmax) -> Double {
    zip(logarithms, other.logarithms).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
  }
}
