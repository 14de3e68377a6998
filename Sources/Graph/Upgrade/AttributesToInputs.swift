import Tensors

// Attributes that became inputs. An attribute that was left out leaves its input out.

extension NodeRewriting {
  /// Squeeze, Unsqueeze and ReduceSum from 13, the other reductions from 18. An empty list meant what
  /// none does.
  mutating func axesBecomeInput() {
    guard let axes = takeInts("axes"), !axes.isEmpty else { return }
    setInput(1, to: Tensor(axes.map(Int64.init)), "axes")
  }

  /// Slice from 10.
  mutating func sliceBoundsBecomeInputs() {
    for (place, name) in ["starts", "ends", "axes"].enumerated() {
      guard let values = takeInts(name) else { continue }
      setInput(place + 1, to: Tensor(values.map(Int64.init)), name)
    }
  }

  /// TopK from 10.
  mutating func countBecomesInput() {
    guard let count = takeInt("k") else { return }
    setInput(1, to: Tensor([Int64(count)]), "k")
  }

  /// Clip from 11.
  mutating func clipBoundsBecomeInputs() throws(GraphError) {
    for (place, name) in ["min", "max"].enumerated() {
      guard let bound = takeFloat(name) else { continue }
      setInput(place + 1, to: try scalar(bound), name)
    }
  }

  /// Pad from 11; the border's value is left out where it is zero.
  mutating func padBecomesInput() throws(GraphError) {
    guard let widths = takeInts("pads") else { return }
    setInput(1, to: Tensor(widths.map(Int64.init)), "pads")
    guard let value = takeFloat("value"), value != 0 else { return }
    setInput(2, to: try scalar(value), "value")
  }

  /// Split from 13.
  mutating func splitBecomesInput() {
    guard let extents = takeInts("split") else { return }
    setInput(1, to: Tensor(extents.map(Int64.init)), "split")
  }

  /// Split from 18: equal parts must say how many.
  mutating func splitStatesItsCount() {
    guard input(1) == nil else { return }
    node.attributes["num_outputs"] = .int(node.outputs.count)
  }

  /// DFT from 20, where the default changed too.
  mutating func transformAxisBecomesInput() {
    setInput(2, to: Tensor(scalar: Int64(takeInt("axis") ?? 1)), "axis")
  }
}
