import Evaluation
import Glibc
import Graph
import Tensors

/// How far a network's answers are from those of the network in float.
public struct OutputDivergence: Sendable, Hashable {
  /// Mean over samples of the Kullback-Leibler divergence of the answers from the float network's, in
  /// nats; `nil` where the output is no row of classes.
  public var divergence: Double?
  /// Signal-to-noise ratio of the output in dB; infinite when nothing differs.
  public var sqnr: Double

  /// Makes a divergence.
  public init(divergence: Double?, sqnr: Double) {
    self.divergence = divergence
    self.sqnr = sqnr
  }

  /// What a search makes small: the divergence, or where there is none the ratio of noise to signal.
  public var loss: Double { divergence ?? pow(10, -sqnr / 10) }
}

/// What a network's first output says.
enum AnswerForm: Sendable {
  /// Numbers that grow with a class's probability: logits, or logarithms of probabilities.
  case logits
  /// Probabilities of classes.
  case probabilities
  /// Something else.
  case values

  /// The form of the first output of `graph`: by the operator that makes it, and whether there are labels.
  init(of graph: Graph, hasLabels: Bool) {
    let producers = Dictionary(
      graph.nodes.flatMap { node in node.outputs.map { ($0, node) } }, uniquingKeysWith: { $1 })
    var value = graph.outputs.first?.name ?? ""
    while let node = producers[value], Self.moving.contains(node.operatorType) {
      value = node.inputs[0]
    }
    switch producers[value]?.operatorType {
    case "Softmax": self = .probabilities
    case "LogSoftmax": self = .logits
    case "Sigmoid": self = .values
    default: self = hasLabels ? .logits : .values
    }
  }

  private static let moving: Set = ["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"]

  /// Logarithms of the probabilities of a row.
  func logarithms(_ row: ArraySlice<Float>) -> [Double] {
    switch self {
    case .values: preconditionFailure("values are no probabilities")
    case .probabilities:
      // What is no probability at all in float counts as the least that is one.
      return row.map { log(max(Double($0), Double(Float.leastNormalMagnitude))) }
    case .logits:
      let largest = Double(row.max() ?? 0)
      let sum = row.reduce(0.0) { $0 + exp(Double($1) - largest) }
      return row.map { Double($0) - largest - log(sum) }
    }
  }
}

/// Sums over samples.
struct DivergenceSum {
  private let form: AnswerForm
  private var sum = 0.0
  private var samples = 0
  private var isClassified: Bool
  private var noise = SignalToNoise()

  init(_ form: AnswerForm) {
    self.form = form
    isClassified = form != .values
  }

  /// Adds a batch of `rows` samples: the output and the float network's.
  mutating func add(_ output: Tensor, reference: Tensor, rows: Int, counted: Int) {
    let shape = output.shape.first == rows ? Array(output.shape.dropFirst()) : output.shape
    let length = output.count / max(rows, 1)
    if length < 2 || shape.count(where: { $0 != 1 }) > 1 { isClassified = false }
    output.withElements(of: Float.self) { values in
      reference.withElements(of: Float.self) { expected in
        for row in 0..<counted {
          let range = row * length..<(row + 1) * length
          for place in range {
            noise.add(Double(values[place]), reference: Double(expected[place]))
          }
          guard isClassified else { continue }
          let p = form.logarithms(Array(expected[range])[...])
          let q = form.logarithms(Array(values[range])[...])
          // What is impossible adds nothing, whatever the other says of it.
          for (own, found) in zip(p, q) where own > -.infinity { sum += exp(own) * (own - found) }
        }
      }
    }
    samples += counted
  }

  var result: OutputDivergence {
    OutputDivergence(
      divergence: isClassified && samples > 0 ? max(sum / Double(samples), 0) : nil,
      sqnr: noise.decibels)
  }
}
