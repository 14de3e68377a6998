import Execution
import Graph

extension QuantizedModel {
  /// Throws unless every accumulator of the written graph fits the width that was asked for, by the proof
  /// over its own integers.
  func requireAccumulators(of graph: Graph) throws {
    guard let accumulator = settings.accumulator, accumulator.isProven else { return }
    let parts = try graph.integerParts()
    for (_, layer) in parts.layers.sorted(by: { $0.key < $1.key }) {
      guard !layer.filters.isEmpty else {
        throw accumulator.refusal(
          layer.name, layer.operatorType,
          layer.terms == nil
            ? "how many products are added depends on data"
            : "the bias that is added to its sums depends on data")
      }
      guard let filter = layer.filters.firstIndex(where: { $0.bits > accumulator.bits }) else {
        continue
      }
      throw accumulator.refusal(
        layer.name, layer.operatorType,
        "the sum of filter \(filter) needs \(layer.filters[filter].bits) bits")
    }
    let written = try writtenProducts(of: graph)
    for number in weights.keys.sorted() {
      guard let place = written[number], parts.layers[place]?.weightBits == nil else { continue }
      let node = plan.graph.nodes[number]
      throw accumulator.refusal(
        node.label, node.operatorType,
        "the integer engine computes it in float: "
          + (parts.islands[place]?.reason ?? "it has no integer form"))
    }
  }

  /// Adds to a report of this model how the quantizers of its layers were determined for accumulators of a
  /// width, and the width.
  public func describeAccumulators(in report: inout QuantizationReport) {
    report.accumulatorBits = settings.accumulator?.bits
    let index = GraphIndex(plan.graph)
    // The layers of a report are the nodes on codes, in order.
    let numbers = plan.decisions.indices.filter { plan.decisions[$0] == .quantized }
    for (number, place) in zip(numbers, report.layers.indices) {
      guard let found = determinations[number] else { continue }
      report.layers[place].determination = found
      report.layers[place].outputExponent =
        plan.values[plan.result(of: number, in: index)]?.quantizer?.exponent
    }
  }
}
