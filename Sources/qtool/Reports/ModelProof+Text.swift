import LowBit

extension ModelProof {
  /// The proof for people: a table of layers, then what does not hold.
  func text(listsFilters: Bool) -> String {
    var table = TextTable(
      [
        "layer", "runs as", "filters", "terms", "in 16 bits", "input codes", "accumulator", "worst",
        "reaches", "run",
      ],
      rightAligned: [2, 3, 4, 7])
    for layer in layers {
      let worst = layer.worstFilter
      table.add([
        Self.shortened(layer.name), layer.operatorType,
        layer.filters.count > 1 ? "\(layer.filters.count)" : "-",
        layer.terms.map { "\($0)" } ?? "?",
        layer.depthOf16Bits.map { $0 == layer.terms ? "all" : "any \($0)" } ?? "-",
        "\(layer.inputCodes[0])...\(layer.inputCodes[1])",
        layer.verdict + (layer.isProven ? "" : "  NOT PROVEN"),
        worst.map { layer.filters.count > 1 ? "\($0)" : "-" } ?? "",
        worst.map { Self.range(layer.filters[$0].anyOrder) } ?? "",
        Self.summary(of: layer.adversarial),
      ])
      if listsFilters, layer.filters.count > 1 {
        for (filter, bound) in layer.filters.enumerated() {
          table.add([
            "  filter \(filter)", "", "", "", "", "", "needs \(bound.bits) bits", "",
            Self.range(bound.anyOrder), "",
          ])
        }
      }
    }
    return ([table.text] + remarks).joined(separator: "\n")
  }

  private var remarks: [String] {
    var lines = [
      "accumulators: \(accumulatorBits) bits (\(widthFrom)); requantization: \(requantization)"
    ]
    let groups = Dictionary(grouping: inFloat) { "\($0.operatorType): \($0.reason)" }
    for (reason, nodes) in groups.sorted(by: { $0.key < $1.key }) {
      let more = nodes.count > 3 ? " and \(nodes.count - 3) more" : ""
      lines.append(
        "in float: \(nodes.count) x \(reason) "
          + "(\(nodes.prefix(3).map { Self.shortened($0.name) }.joined(separator: ", "))\(more))")
    }
    if !engines.isEmpty { lines.append("engines: \(engines.joined(separator: ", "))") }
    if let network {
      if network.inputs > 0 {
        lines.append(
          "network: \(network.inputs) inputs, \(network.values) values, "
            + (network.difference.map { "engines differ: \($0)" } ?? "the same on both engines"))
      }
    }
    lines += failures.map { "FAILED: \($0)" }
    let unproven = layers.count { !$0.isProven }
    if unproven > 0 {
      lines.append("NOT PROVEN: \(unproven) of \(layers.count) layers")
    } else if failures.isEmpty {
      lines.append("proven: no accumulator can overflow \(accumulatorBits) bits; " + comparison)
    }
    return lines
  }

  /// Whether engines were compared, for the line that sums all up.
  private var comparison: String {
    notCompared.map { "engines NOT COMPARED: \($0)" } ?? "engines compared, the same integers"
  }

  private static func summary(of run: LayerProof.AdversarialRun?) -> String {
    guard let run else { return "-" }
    if run.difference != nil { return "engines DIFFER" }
    let reached = "\(run.boundsReached) of \(run.bounds) bounds reached"
    return run.engines > 1 ? "\(reached), engines equal" : reached
  }

  private static func range(_ ends: [Int]) -> String { "\(ends[0])...\(ends[1])" }

  /// At most 48 characters of a name: its beginning and its end.
  private static func shortened(_ name: String) -> String {
    name.count <= 48 ? name : "\(name.prefix(21))...\(name.suffix(24))"
  }
}
