import Graph
import Quantization
import Tensors

/// Finds out which nodes and values take part in quantization.
///
/// Weighted nodes and products of activations want their operands quantized, convolutions their
/// results too (an integer convolution has no other way to hand them on). From there the wish spreads
/// upwards through operators that only move values, as long as nobody else reads those values in
/// float, and operators with an integer kernel join when all around them is quantized anyway. What
/// is left over stays in float and says why.
struct Planner {
  let index: GraphIndex
  let settings: QuantizationSettings
  private let roles: [OperatorRole]
  private let borders: Set<Int>
  private var weights: [Int: WeightPlan] = [:]
  private var layers: [Int: LayerSettings] = [:]
  private var reasons: [Int: String] = [:]
  /// Level counts of the quantized values.
  private var levels: [String: Int] = [:]
  /// Values that only carry a result on: no weighted node reads them.
  private var carried: Set<String> = []
  private var groups = Groups()
  private var warnings: [String] = []

  init(_ graph: Graph, settings: QuantizationSettings) {
    index = GraphIndex(graph)
    self.settings = settings
    roles = graph.nodes.map(OperatorRole.init(of:))
    let index = index
    let roles = roles
    borders = index.borderLayers { Self.hasWeights(index.nodes[$0], roles[$0], in: index) }
  }

  private static func hasWeights(
    _ node: Node, _ role: OperatorRole, in index: GraphIndex
  ) -> Bool {
    switch role {
    case .weighted: true
    case .product: node.inputs.count == 2 && index.isConstant(node.inputs[1])
    default: false
    }
  }

  /// Makes the plan of `graph`, which is the graph of the initializer.
  mutating func plan(_ graph: Graph) -> QuantizationPlan {
    collectWishes()
    spread()
    uniteConcatenations()
    let decisions = index.nodes.indices.map(decision)
    return QuantizationPlan(
      graph: graph, decisions: decisions, values: valuePlans(decisions), weights: weights,
      warnings: warnings)
  }

  // MARK: Wishes

  /// Nodes that compute on codes, and the values that they want.
  private mutating func collectWishes() {
    for number in index.nodes.indices {
      let node = index.nodes[number]
      let isWeighted = Self.hasWeights(node, roles[number], in: index)
      guard isWeighted || isProduct(number) else { continue }
      guard isWeighted || settings.weightOnly == nil else {
        reasons[number] = "it has no weights, and these alone are quantized"
        continue
      }
      let layer = settings.layer(node, isBorder: isWeighted && borders.contains(number))
      if let reason = layer.floatReason {
        reasons[number] = reason
        continue
      }
      if isWeighted {
        do {
          let plan = try WeightPlan(
            node, layer: layer, hasZeroPoints: settings.weightOnly?.hasZeroPoints ?? false,
            in: index)
          if settings.weightOnly != nil { try plan.requireGroups() }
          weights[number] = plan
        } catch {
          reasons[number] = error.reason
          continue
        }
      } else if index.activationInputs(of: number).count != 2 {
        reasons[number] = "its left operand is constant"
        continue
      }
      layers[number] = layer
      guard settings.weightOnly == nil else { continue }
      for value in index.activationInputs(of: number) { want(value, layer.activationLevels) }
    }
    guard settings.weightOnly == nil else { return }
    for (number, layer) in layers.sorted(by: { $0.key < $1.key })
    where index.nodes[number].operatorType == "Conv" {
      let value = surface(of: index.nodes[number].outputs[0]).value
      guard levels[value] == nil else { continue }
      carried.insert(value)
      levels[value] = carriedLevels(layer.activationLevels)
    }
  }

  /// Results that no weighted node reads do not take part in low-bit products; 256 levels cost
  /// nothing there.
  private func carriedLevels(_ asked: Int) -> Int { max(asked, 256) }

  private func isProduct(_ number: Int) -> Bool {
    if case .product = roles[number] { true } else { false }
  }

  private mutating func want(_ value: String, _ count: Int) {
    if let other = levels[value], other != count, !carried.contains(value) {
      warnings.append(
        "'\(value)' is wanted with \(min(other, count)) and with \(max(other, count)) levels: it "
          + "has \(max(other, count))")
    }
    carried.remove(value)
    levels[value] = max(levels[value] ?? 0, count)
  }

  // MARK: Spreading

  private mutating func spread() {
    var changes = true
    while changes {
      changes = false
      for number in index.nodes.indices.reversed() where layers[number] == nil {
        if settings.skipReason(index.nodes[number]) != nil { continue }
        switch roles[number] {
        case .passThrough: changes = spreadThrough(number) || changes
        case .concatenation: changes = spreadToOperands(of: number) || changes
        case .opportunistic: changes = spreadAlong(number) || changes
        default: break
        }
      }
    }
  }

  /// To the operands of a node with an integer kernel, where they come from such nodes themselves.
  private mutating func spreadAlong(_ number: Int) -> Bool {
    guard levels[surface(of: index.nodes[number].outputs[0]).value] != nil else { return false }
    var changed = false
    for source in index.activationInputs(of: number)
    where levels[source] == nil && everybodyReadsCodes(of: source) && comesFromCodes(source) {
      levels[source] = carriedLevels(0)
      carried.insert(source)
      changed = true
    }
    return changed
  }

  /// Whether the node behind `value`, past fused clipping, has only quantized operands.
  private func comesFromCodes(_ value: String) -> Bool {
    var value = value
    while let source = index.writer[value] {
      switch roles[source] {
      case .clipping:
        guard index.onlyReader(of: index.nodes[source].inputs[0]) == source else { return false }
        value = index.nodes[source].inputs[0]
      case .opportunistic:
        return index.activationInputs(of: source).allSatisfy { levels[$0] != nil }
          && settings.skipReason(index.nodes[source]) == nil
      default: return false
      }
    }
    return false
  }

  /// Upwards through a node that moves values, but for what cuts groups of channels that have quantizers of
  /// their own. Returns whether something has changed.
  private mutating func spreadThrough(_ number: Int) -> Bool {
    let node = index.nodes[number]
    let wanted = node.outputs.filter { levels[$0] != nil }
    guard let source = node.inputs.first, !wanted.isEmpty, !index.isConstant(source),
      keepsCodes(number), !(settings.activationGroups != nil && node.operatorType == "Split")
    else { return false }
    let count = wanted.compactMap { levels[$0] }.max() ?? 0
    if levels[source] == nil {
      guard everybodyReadsCodes(of: source) else { return false }
      levels[source] = count
      if wanted.allSatisfy(carried.contains) { carried.insert(source) }
    } else if carried.contains(source), !wanted.allSatisfy(carried.contains) {
      carried.remove(source)
      levels[source] = count
    }
    var changed = false
    for output in wanted { changed = groups.unite(source, output) || changed }
    return changed
  }

  private mutating func spreadToOperands(of number: Int) -> Bool {
    let node = index.nodes[number]
    guard let count = levels[node.outputs[0]] else { return false }
    var changed = false
    for source in index.activationInputs(of: number)
    where levels[source] == nil && everybodyReadsCodes(of: source) {
      levels[source] = count
      changed = true
    }
    return changed
  }

  /// Whether every reader of `value` would read it as codes.
  private func everybodyReadsCodes(of value: String) -> Bool {
    guard !index.outputs.contains(value) else { return false }
    return (index.readers[value] ?? []).allSatisfy { reader in
      if layers[reader] != nil { return index.activationInputs(of: reader).contains(value) }
      switch roles[reader] {
      case .passThrough:
        return index.nodes[reader].inputs.first == value
          && index.nodes[reader].outputs.contains { levels[$0] != nil }
      case .concatenation: return levels[index.nodes[reader].outputs[0]] != nil
      case .opportunistic: return levels[surface(of: index.nodes[reader].outputs[0]).value] != nil
      default: return false
      }
    }
  }

  /// Whether an operator that moves values also fills in none that codes cannot express.
  private func keepsCodes(_ number: Int) -> Bool {
    let node = index.nodes[number]
    guard node.operatorType == "Pad" else { return true }
    if case .string(let mode)? = node.attributes["mode"], mode != "constant" { return true }
    guard node.inputs.count > 2, !node.inputs[2].isEmpty else {
      return node.number("value", default: 0) == 0
    }
    guard let fill = index.constants[node.inputs[2]], fill.elementType == .float32 else {
      return false
    }
    return fill.array(of: Float.self) == [0]
  }

  /// Operands that nobody else reads share the quantizer of the concatenation.
  private mutating func uniteConcatenations() {
    for number in index.nodes.indices {
      guard case .concatenation = roles[number], levels[index.nodes[number].outputs[0]] != nil
      else { continue }
      for operand in index.activationInputs(of: number)
      where levels[operand] != nil && index.onlyReader(of: operand) == number {
        _ = groups.unite(operand, index.nodes[number].outputs[0])
      }
    }
  }

  // MARK: Clipping

  /// Where the quantizer of a result goes: behind the Relu or Clip nodes that alone read it.
  private func surface(of value: String) -> (value: String, nodes: [Int]) {
    var value = value
    var nodes: [Int] = []
    while let reader = index.onlyReader(of: value), case .clipping = roles[reader],
      index.nodes[reader].inputs[0] == value,
      index.clippingBounds(of: index.nodes[reader]) != nil
    {
      nodes.append(reader)
      value = index.nodes[reader].outputs[0]
    }
    return (value, nodes)
  }

  /// The Relu and Clip nodes that the quantizer of `value` replaces, and what they do together.
  private func fused(into value: String) -> (nodes: [Int], bounds: ClosedRange<Float>)? {
    var bounds = -Float.infinity...Float.infinity
    var nodes: [Int] = []
    var value = value
    while let source = index.writer[value], case .clipping = roles[source],
      index.onlyReader(of: index.nodes[source].inputs[0]) == source,
      levels[index.nodes[source].inputs[0]] == nil,
      settings.skipReason(index.nodes[source]) == nil,
      let own = index.clippingBounds(of: index.nodes[source])
    {
      bounds = bounds.clamped(to: own)
      nodes.append(source)
      value = index.nodes[source].inputs[0]
    }
    return nodes.isEmpty ? nil : (nodes, bounds)
  }

  // MARK: Decisions

  private func decision(_ number: Int) -> NodeDecision {
    let node = index.nodes[number]
    if let reason = reasons[number] ?? settings.skipReason(node) { return .float(reason: reason) }
    if layers[number] != nil { return .quantized }
    let output = node.outputs.first { !$0.isEmpty } ?? ""
    switch roles[number] {
    case .weighted, .product: return .float(reason: "is not quantized")
    case .float(let reason): return .float(reason: reason)
    case .clipping:
      for value in levels.keys where fused(into: value)?.nodes.contains(number) == true {
        return .fusedIntoQuantizer(of: value)
      }
      return .float(
        reason: levels[output] == nil
          ? "its result is read in float" : "its operand is also read without it")
    case .passThrough:
      guard let source = node.inputs.first, levels[source] != nil else {
        return .float(reason: "moves values that are not quantized")
      }
      let united = node.outputs.contains { levels[$0] != nil && groups.same(source, $0) }
      return united ? .passesThrough : .float(reason: "its result is read in float")
    case .concatenation, .opportunistic:
      guard levels[surface(of: output).value] != nil else {
        return .float(reason: "its result is read in float")
      }
      if let operand = index.activationInputs(of: number).first(where: { levels[$0] == nil }) {
        return .float(reason: "its operand '\(operand)' is in float")
      }
      return .quantized
    }
  }

  // MARK: Values

  private func valuePlans(_ decisions: [NodeDecision]) -> [String: ValuePlan] {
    var members: [String: [String]] = [:]
    for value in levels.keys.sorted() { members[groups.root(value), default: []].append(value) }
    var plans: [String: ValuePlan] = [:]
    for (group, values) in members {
      let count = values.compactMap { levels[$0] }.max() ?? 256
      let sources = values.filter { isRangeSource($0, decisions) }
      for value in values {
        plans[value] = ValuePlan(
          levels: count, group: group, rangeSources: sources.isEmpty ? values : sources,
          clipping: fused(into: value)?.bounds)
      }
    }
    return plans
  }

  /// Whether the range of `value` is not already that of another member of its group.
  private func isRangeSource(_ value: String, _ decisions: [NodeDecision]) -> Bool {
    guard let source = index.writer[value] else { return true }
    if decisions[source] == .passesThrough { return false }
    guard case .concatenation = roles[source] else { return true }
    return !index.nodes[source].inputs.allSatisfy { groups.same($0, value) }
  }
}

/// Disjoint sets of values; the smallest name stands for its set.
private struct Groups {
  private var parents: [String: String] = [:]

  func root(_ value: String) -> String {
    var value = value
    while let parent = parents[value] { value = parent }
    return value
  }

  func same(_ a: String, _ b: String) -> Bool { root(a) == root(b) }

  /// Returns whether the two were apart.
  mutating func unite(_ a: String, _ b: String) -> Bool {
    let (a, b) = (root(a), root(b))
    guard a != b else { return false }
    parents[max(a, b)] = min(a, b)
    return true
  }
}
