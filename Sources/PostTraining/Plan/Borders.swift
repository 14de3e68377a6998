package import Graph

extension GraphIndex {
  /// The weighted nodes that no other weighted node stands before, or behind, on some path of
  /// activations from an input or to an output.
  package func borderLayers(isWeighted: (Int) -> Bool) -> Set<Int> {
    var borders: Set<Int> = []
    var seen: Set<String> = []
    var front = Array(inputs)
    while let value = front.popLast() {
      guard seen.insert(value).inserted else { continue }
      for reader in readers[value] ?? [] where activationInputs(of: reader).contains(value) {
        if isWeighted(reader) {
          borders.insert(reader)
        } else if nodes[reader].operatorType != "Shape" {
          front += nodes[reader].outputs
        }
      }
    }
    seen = []
    front = Array(outputs)
    while let value = front.popLast() {
      guard seen.insert(value).inserted, let source = writer[value] else { continue }
      if isWeighted(source) {
        borders.insert(source)
      } else {
        front += activationInputs(of: source)
      }
    }
    return borders
  }
}
