import PostTraining
import Quantization

/// How the quantizers of layers were determined for accumulators of a width: statistics, the three
/// estimates, and exponents; nothing for other models.
func determinationTable(_ layers: [QuantizationReport.Layer], width: Int?) -> [Markup] {
  let made = layers.compactMap { layer in layer.determination.map { (layer, $0) } }
  guard let width, !made.isEmpty else { return [] }
  var table = Table(
    "Quantizers for accumulators of \(width) bits. Scales are 2^-q. M1 is what no input within A exceeds, M2 "
      + "the same for a filter of mean weights, M3 the largest output observed times a guard; lowered counts "
      + "how often an exponent of weights was lowered until the integers fit.",
    columns: [
      "layer", "weights a filter", "largest weight", "mean weight", "A, input", "O, output", "M1",
      "M2", "M3", "q of input", "q of weights", "q of output", "lowered", "bits needed",
    ])
  for (layer, found) in made {
    let statistics = found.statistics
    let exponents = found.finalWeightExponents
    let reals = [
      statistics.largestWeight, statistics.meanWeight, statistics.largestActivation,
      statistics.largestOutput, found.guaranteed, found.approximate, found.observed,
    ]
    table.add(
      [.markup([.name(layer.name)]), .number("\(statistics.weightsPerChannel)")]
        + reals.map { $0.map { .number(formatted($0, significant: 4)) } ?? .none }
        + [
          .number("\(found.inputExponent)"),
          .number(Set(exponents).sorted().map { "\($0)" }.joined(separator: " to ")),
          layer.outputExponent.map { .number("\($0)") } ?? .none, .number("\(found.lowerings)"),
          .number("\(found.neededBits) of \(width)"),
        ])
  }
  return [table.markup]
}
