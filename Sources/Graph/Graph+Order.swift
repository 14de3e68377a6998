extension Graph {
  /// The nodes in an order in which every value is written before it is read; among the nodes that
  /// could come next, the first in ``nodes`` does.
  ///
  /// - Throws: ``GraphError`` naming a value that nobody writes, that two nodes write, or a node on
  ///   a cycle.
  public func sortedNodes() throws(GraphError) -> [Node] {
    var writer: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        if let other = writer.updateValue(index, forKey: output) {
          throw .invalid(
            "value '\(output)' is written by node '\(nodes[other].label)' and again by '\(node.label)'"
          )
        }
      }
    }
    var readers = [[Int]](repeating: [], count: nodes.count)
    var waiting = [Int](repeating: 0, count: nodes.count)
    let given = Set(inputs.map(\.name))
    for (index, node) in nodes.enumerated() {
      for input in Set(node.valuesRead) where !input.isEmpty {
        if let source = writer[input] {
          readers[source].append(index)
          waiting[index] += 1
        } else if initializers[input] == nil && !given.contains(input) {
          throw .invalid(
            "node '\(node.label)' (\(node.operatorType)) reads '\(input)', which nothing writes")
        }
      }
    }
    for output in outputs
    where writer[output.name] == nil && initializers[output.name] == nil
      && !given.contains(output.name)
    {
      throw .invalid("nothing writes the output '\(output.name)'")
    }
    var ready = Heap(waiting.indices.filter { waiting[$0] == 0 })
    var sorted: [Node] = []
    sorted.reserveCapacity(nodes.count)
    while let next = ready.removeFirst() {
      sorted.append(nodes[next])
      for reader in readers[next] {
        waiting[reader] -= 1
        if waiting[reader] == 0 { ready.insert(reader) }
      }
    }
    if let stuck = waiting.firstIndex(where: { $0 > 0 }) {
      throw .invalid(
        "node '\(nodes[stuck].label)' (\(nodes[stuck].operatorType)) is on or behind a cycle")
    }
    return sorted
  }
}

/// A binary min-heap.
private struct Heap {
  private var items: [Int] = []

  init(_ items: [Int]) { for item in items { insert(item) } }

  mutating func insert(_ item: Int) {
    items.append(item)
    var child = items.count - 1
    while child > 0, items[child] < items[(child - 1) / 2] {
      items.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() -> Int? {
    guard let first = items.first else { return nil }
    let last = items.removeLast()
    if items.isEmpty { return first }
    items[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < items.count && items[child] < items[least] {
        least = child
      }
      if least == parent { return first }
      items.swapAt(parent, least)
      parent = least
    }
  }
}
