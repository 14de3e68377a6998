import Execution
import Graph
import Operations
import Tensors

/// Runs a layer on its adversarial inputs.
struct AdversarialRunner {
  let input: AdversarialInput
  let layer: IntegerLayer

  /// The intervals of the filters' sums, bias included.
  private var sums: [ClosedRange<Int>] { layer.filters.map(\.sum) }

  /// What the reference and, where there is one, `backend` make of the inputs.
  func result<B: Backend>(on backend: B?) throws -> LayerProof.AdversarialRun {
    let expected = try Executor(input.graph, on: ReferenceBackend.shared).run(input.inputs)
    var run = LayerProof.AdversarialRun(
      inputs: input.count, boundsReached: 0, bounds: 2 * sums.count, miss: nil, engines: 1,
      difference: nil)
    if let found = expected[AdversarialInput.sums] { count(found.integers(), into: &run) }
    guard let backend else { return run }
    let found = try Executor(input.graph, on: backend).run(input.inputs)
    run.engines = 2
    for output in input.graph.outputs where run.difference == nil {
      guard let a = expected[output.name], let b = found[output.name], a != b else { continue }
      run.difference =
        output.name == AdversarialInput.sums
        ? difference(a.integers(), b.integers(), of: "sum")
        : difference(a.integers(), b.integers(), of: "code")
    }
    return run
  }

  /// Compares the accumulators of every filter with the ends of its interval.
  private func count(_ found: [Int], into run: inout LayerProof.AdversarialRun) {
    let sums = sums
    for (filter, sum) in sums.enumerated() {
      let bias = layer.bias.isEmpty ? 0 : Int(layer.bias[filter])
      for (end, bound) in [sum.lowerBound, sum.upperBound].enumerated() {
        let image = 2 * (filter % input.filtersOfGroup) + end
        // Sums are stored in 32 bits, and those of a model that overflows wrap.
        let reached = Int(
          Int32(truncatingIfNeeded: found[image * sums.count + filter] + bias))
        if reached == Int(Int32(truncatingIfNeeded: bound)) {
          run.boundsReached += 1
        } else if run.miss == nil {
          run.miss =
            "the accumulator of filter \(filter) reached \(reached), not its bound \(bound)"
        }
      }
    }
  }

  private func difference(_ a: [Int], _ b: [Int], of what: String) -> String {
    guard let place = a.indices.first(where: { $0 >= b.count || a[$0] != b[$0] }) else {
      return "\(a.count) and \(b.count) numbers"
    }
    let filters = sums.count
    return "\(what) of filter \(place % filters), input \(place / filters): \(a[place]) on the "
      + "reference, \(place < b.count ? "\(b[place])" : "nothing") on the device"
  }
}
