import LowBit

/// What the integer engine makes of a quantized model.
struct IntegerOutline: Encodable {
  struct Layer: Encodable {
    var name: String
    var operatorType: String
    /// Whether its codes stay packed, channels last.
    var packed: Bool
    var weightBits: Int?
    /// The least and the largest code of its input, less the zero point.
    var inputCodes: [Int]
    /// The least and the largest sum of all terms and the bias; `nil` where their number depends on
    /// data.
    var accumulator: [Int]?
    /// Bits that every intermediate sum of every filter fits, whatever the order.
    var accumulatorBits: Int?
    /// The same for each filter.
    var filterBits: [Int]
    /// Whether 32 bits hold the sums.
    var fits32Bits: Bool?
  }

  struct Island: Encodable {
    var name: String
    var operatorType: String
    var reason: String
  }

  /// How sums become codes.
  var requantization: String
  var layers: [Layer]
  /// Nodes that are computed in float.
  var islands: [Island]
  /// The most bytes that activations take at once, open dimensions taken as 1 or as given; `nil` where
  /// a shape depends on data.
  var peakActivationBytes: Int?

  /// - Returns: `nil` when no layer of the model computes on codes.
  init?(of graph: Graph, extents: [String: Int] = [:]) throws {
    let network = try IntegerNetwork(graph)
    guard !network.layers.isEmpty else { return nil }
    self.init(network)
    peakActivationBytes = try ActivationMemory(of: network.graph, extents: extents)?.peakBytes
  }

  init(_ network: IntegerNetwork) {
    requantization = network.requantization.rawValue
    layers = network.layers.map { layer in
      let accumulator = layer.accumulator
      return Layer(
        name: layer.name, operatorType: layer.operatorType, packed: layer.isPacked,
        weightBits: layer.weightBits,
        inputCodes: [layer.inputs.lowerBound, layer.inputs.upperBound],
        accumulator: accumulator.map { [$0.sum.lowerBound, $0.sum.upperBound] },
        accumulatorBits: accumulator?.bits, filterBits: layer.filters.map(\.bits),
        fits32Bits: accumulator?.fits32Bits)
    }
    islands = network.islands.map {
      Island(name: $0.name, operatorType: $0.operatorType, reason: $0.reason)
    }
  }

  // MARK: Text

  /// One line of counts, and one for each kind of island.
  var summary: String {
    let packed = layers.count(where: \.packed)
    var lines = [
      "on integers: \(layers.count) layers, \(packed) of them on packed codes; in float: "
        + (islands.isEmpty ? "nothing" : islands.count == 1 ? "1 node" : "\(islands.count) nodes"),
      "requantization: \(requantization)"
        + (Requantization(rawValue: requantization).map { " (\($0.summary))" } ?? ""),
    ]
    var groups: [(key: String, names: [String])] = []
    for island in islands {
      let key = "\(island.operatorType): \(island.reason)"
      if let place = groups.firstIndex(where: { $0.key == key }) {
        groups[place].names.append(island.name)
      } else {
        groups.append((key, [island.name]))
      }
    }
    for group in groups {
      let more = group.names.count > 3 ? " and \(group.names.count - 3) more" : ""
      lines.append(
        "  \(group.names.count) x \(group.key) "
          + "(\(group.names.prefix(3).map(shortened).joined(separator: ", "))\(more))")
    }
    for layer in layers where layer.fits32Bits == false {
      lines.append("  WARNING: the sums of \(layer.name) can overflow 32 bits")
    }
    return lines.joined(separator: "\n")
  }

  /// The layers with what their accumulators need.
  var table: String {
    var table = TextTable(["layer", "runs as", "weights", "input codes", "accumulator", "sums"])
    for layer in layers {
      table.add([
        shortened(layer.name), layer.packed ? "packed \(layer.operatorType)" : layer.operatorType,
        layer.weightBits.map { "\($0) bits" } ?? "computed",
        "\(layer.inputCodes[0])...\(layer.inputCodes[1])",
        layer.accumulatorBits.map { "needs \($0) bits" } ?? "?",
        layer.accumulator.map { "\($0[0])...\($0[1])" } ?? "?",
      ])
    }
    let memory = peakActivationBytes.map { "\nactivations take at most \(formatted(bytes: $0))" }
    return table.text + "\n" + summary + (memory ?? "")
  }

  /// At most 48 characters of a name: its beginning and its end.
  private func shortened(_ name: String) -> String {
    name.count <= 48 ? name : "\(name.prefix(21))...\(name.suffix(24))"
  }
}
