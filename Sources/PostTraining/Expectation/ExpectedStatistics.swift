public import Calibration
import Execution
import Glibc
public import Graph
public import Quantization
import Tensors

/// What BatchNormalizations tell of the values of a graph, without data.
///
/// A normalization knows mean and variance of what it gave in training. From there, expectations follow
/// the operators: Relu and Clip by the moments of a normal distribution that is cut off, sums and layers
/// by those of their inputs, pools, concatenations, and what only moves values. What passes an operator
/// that none of these describes is not known, until a normalization comes again.
public struct ExpectedStatistics {
  /// What is expected, by value.
  public private(set) var values: [String: ValueExpectation] = [:]
  /// How many normalizations had a say.
  public private(set) var normalizationCount = 0

  private let reach: Double
  private let index: GraphIndex
  private var ranks: Ranks

  /// Follows the operators of `graph`.
  ///
  /// - Parameters:
  ///   - graph: A prepared graph.
  ///   - normalizations: Its normalizations that became parts of layers.
  ///   - inputs: Where the elements of all inputs lie; `nil` where that is not known.
  ///   - reach: How many deviations from the mean the elements behind a normalization lie.
  /// - Throws: `GraphError` for a graph whose nodes have no order.
  public init(
    _ graph: Graph, _ normalizations: NormalizationStatistics, inputs: ClosedRange<Float>?,
    reach: Double = ValueExpectation.usualReach
  ) throws {
    self.reach = reach
    var graph = graph
    graph.nodes = try graph.sortedNodes()
    index = GraphIndex(graph)
    ranks = Ranks(of: graph)
    if let inputs {
      for input in graph.inputs where input.elementType == .float32 {
        values[input.name] = ValueExpectation(
          range: Double(inputs.lowerBound)...Double(inputs.upperBound))
      }
    }
    for node in index.nodes {
      guard let result = node.outputs.first, !result.isEmpty else { continue }
      if let moments = normalizations.moments[result] {
        let expectation = ValueExpectation(
          moments, axis: channelAxis(of: result), reach: reach)
        guard expectation.isKnown else { continue }
        values[result] = expectation
        normalizationCount += 1
      } else if node.isStandard {
        // Parts of a Split have what the whole has.
        for output in node.operatorType == "Split" ? node.outputs : [result] {
          values[output] = expectation(of: node).flatMap { $0.isKnown ? $0 : nil }
        }
      }
    }
  }

  // MARK: Uses

  /// Histograms that hold the ends of values' ranges and nothing else: a quantizer by `minmax` spans the
  /// range.
  ///
  /// - Throws: ``SettingsError`` naming all values of which nothing is known.
  public func histograms(of names: Set<String>) throws(SettingsError) -> [String: Histogram] {
    var histograms: [String: Histogram] = [:]
    var unknown: [String] = []
    for name in names.sorted() {
      guard let range = values[name]?.range, Float(range.lowerBound).isFinite,
        Float(range.upperBound).isFinite
      else {
        unknown.append(origin(of: name))
        continue
      }
      histograms[name] = Histogram([Float(range.lowerBound), Float(range.upperBound)])
    }
    guard unknown.isEmpty else {
      throw SettingsError(
        "without data nothing is known of \(unknown.joined(separator: ", ")): no normalization lies "
          + "before, or an operator lies between; the range of inputs can be stated (--input-range)"
      )
    }
    return histograms
  }

  /// The expected means of the channels of values, for the correction of biases; values for which they are
  /// not known are left out.
  public func channelMeans(_ axes: [String: ChannelAxis]) -> [String: [Double]] {
    var means: [String: [Double]] = [:]
    for (name, axis) in axes {
      guard let value = values[name], let moments = value.moments, value.axis == axis else {
        continue
      }
      means[name] = value.isFlattened ? repeated(moments.means, of: name) : moments.means
    }
    return means
  }

  /// The layers of a plan whose biases cannot be corrected by expected means.
  public func layersWithoutMeans(_ plan: QuantizationPlan) -> [String] {
    let means = channelMeans(plan.channelAxes)
    return plan.weights.keys.sorted().filter { number in
      let node = plan.graph.nodes[number]
      return plan.weights[number]?.takesBias(node) == true && means[node.inputs[0]] == nil
    }.map { plan.graph.nodes[$0].label }
  }

  /// The means of a value of vectors that are channels' elements one after the other.
  private func repeated(_ means: [Double], of name: String) -> [Double]? {
    for reader in index.readers[name] ?? [] {
      let node = index.nodes[reader]
      guard let weights = node.inputs.dropFirst().first.flatMap({ index.constants[$0] }),
        let count = WeightChannels(dataOf: node, weights)?.count, count.isMultiple(of: means.count)
      else { continue }
      return (0..<count).map { means[$0 / (count / means.count)] }
    }
    return nil
  }

  /// A value with the operator that gives it.
  private func origin(of name: String) -> String {
    guard let writer = index.writer[name] else { return "the input '\(name)'" }
    return "'\(name)' (\(index.nodes[writer].operatorType))"
  }

  // MARK: Operators

  private mutating func channelAxis(of value: String) -> ChannelAxis {
    ranks.rank(of: value) == 2 ? .last : .second
  }

  private mutating func expectation(of node: Node) -> ValueExpectation? {
    switch node.operatorType {
    case "BatchNormalization":
      guard let normalization = Normalization(node, index.constants) else { return nil }
      normalizationCount += 1
      return ValueExpectation(
        normalization.result, axis: channelAxis(of: node.outputs[0]), reach: reach)
    case "Conv", "Gemm", "MatMul":
      guard let layer = LayerExpectation(node, in: index) else { return nil }
      // The last dimension of more than two is not where expectations have channels.
      let data = values[node.inputs[0]]
      guard node.operatorType == "MatMul", ranks.rank(of: node.inputs[0]) != 2 else {
        return data.flatMap(layer.results)
      }
      return data.flatMap { layer.results(of: $0.pooled)?.pooled }
    case "Add", "Sub", "Mul", "Div": return arithmetic(node)
    case "Concat": return concatenation(node)
    default: return values[node.inputs.first ?? ""].flatMap { unary(node, $0) }
    }
  }

  private mutating func unary(_ node: Node, _ x: ValueExpectation) -> ValueExpectation? {
    switch node.operatorType {
    case "Relu", "Clip":
      return index.clippingBounds(of: node).map {
        x.clipped(to: Double($0.lowerBound)...Double($0.upperBound))
      }
    case "LeakyRelu":
      let slope = Double(node.number("alpha", default: 0.01))
      return slope >= 0 ? x.rectified(slopes: x.lower.map { _ in slope }) : nil
    case "PRelu":
      guard let slopes = numbers(node.inputs[1], for: x, of: node.inputs[0]),
        slopes.allSatisfy({ $0 >= 0 })
      else { return nil }
      return x.rectified(slopes: slopes)
    case "Min": return limited(node, x)
    case "Sigmoid": return x.mapped { Sigmoid.value($0) }
    case "Softmax": return ValueExpectation(range: 0...1)
    // The largest of several elements has another distribution.
    case "MaxPool", "GlobalMaxPool": return x.withoutMoments
    // A mean of elements deviates at most as much as they do.
    case "GlobalAveragePool": return x
    case "AveragePool":
      let countsZeros = node.isPadded && node.integer("count_include_pad", default: 0) != 0
      return countsZeros ? x.containing(0).withoutMoments : x
    case "Flatten": return flattened(node, x)
    case "Reshape": return flattened(node, x)
    case "Pad":
      guard let fill = padding(of: node) else { return nil }
      return x.containing(fill).withoutMoments
    default: return node.movesValues ? x.pooled : nil
    }
  }

  /// A Min with a constant. One of a Clip is cut off together with it: the result of one alone is not
  /// normally distributed.
  private mutating func limited(_ node: Node, _ x: ValueExpectation) -> ValueExpectation? {
    guard node.inputs.count == 2, let limits = numbers(node.inputs[1], for: x, of: node.inputs[0])
    else { return nil }
    if let writer = index.writer[node.inputs[0]], index.nodes[writer].isStandard,
      let bounds = index.clippingBounds(of: index.nodes[writer]),
      let source = values[index.nodes[writer].inputs[0]]
    {
      let (lowest, highest) = (Double(bounds.lowerBound), Double(bounds.upperBound))
      return source.clipped(to: limits.map { min(lowest, $0)...min(highest, $0) })
    }
    return x.clipped(to: limits.map { -Double.infinity...$0 })
  }

  /// A number for every entry of `x`, from a constant of one for all or one a channel; `nil` for others.
  private mutating func numbers(
    _ name: String, for x: ValueExpectation, of value: String
  ) -> [Double]? {
    guard index.isConstant(name), let operand = operand(name, beside: value),
      operand.lower == operand.upper
    else { return nil }
    if operand.axis == nil { return x.lower.map { _ in operand.lower[0] } }
    return operand.axis == x.axis && !x.isFlattened ? operand.lower : nil
  }

  /// Vectors of channels' elements where that is what comes out, else one entry for all.
  private func flattened(_ node: Node, _ x: ValueExpectation) -> ValueExpectation {
    var toVectors = node.operatorType == "Flatten" && node.integer("axis", default: 1) == 1
    if node.operatorType == "Reshape", node.inputs.count > 1,
      let target = index.constants[node.inputs[1]]?.integers(), target.count == 2
    {
      toVectors = [0, 1, -1].contains(target[0]) && node.integer("allowzero", default: 0) == 0
      // Elements of two samples in one vector would not be a channel's.
      toVectors = toVectors && (target[1] < 0 || target[1] >= x.lower.count)
    }
    guard toVectors, x.axis == .second else { return x.axis == .last && toVectors ? x : x.pooled }
    var result = x
    (result.axis, result.isFlattened) = (.last, true)
    return result
  }

  /// The number that a Pad fills in; `nil` for other modes, which repeat elements, and for one unknown.
  private func padding(of node: Node) -> Double? {
    if case .string(let mode)? = node.attributes["mode"], mode != "constant" { return nil }
    guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return 0 }
    return index.constants[node.inputs[2]]?.doubles?.first
  }

  private mutating func arithmetic(_ node: Node) -> ValueExpectation? {
    let (first, second) = (node.inputs[0], node.inputs[1])
    guard let a = operand(first, beside: second), let b = operand(second, beside: first) else {
      return nil
    }
    switch node.operatorType {
    case "Add": return a.plus(b, isSame: first == second)
    case "Sub": return first == second ? nil : a.plus(b.negated, isSame: false)
    case "Mul": return first == second ? nil : a.times(b)
    default:
      guard index.isConstant(second), !b.lower.contains(0), b.lower == b.upper else { return nil }
      let reciprocals = b.lower.map { 1 / $0 }
      return a.times(
        ValueExpectation(
          axis: b.axis, lower: reciprocals, upper: reciprocals,
          moments: ChannelMoments(
            means: reciprocals, deviations: reciprocals.map { _ in 0 })))
    }
  }

  /// A value, or a constant in the channels of the value beside it.
  private mutating func operand(_ name: String, beside other: String) -> ValueExpectation? {
    guard let tensor = index.constants[name] else { return values[name] }
    guard let numbers = tensor.doubles, !numbers.isEmpty, let partner = values[other] else {
      return nil
    }
    let exact = ChannelMoments(means: numbers, deviations: numbers.map { _ in 0 })
    if numbers.count == 1 {
      return ValueExpectation(axis: nil, lower: numbers, upper: numbers, moments: exact)
    }
    if let axis = partner.axis, !partner.isFlattened, numbers.count == partner.lower.count,
      let rank = ranks.rank(of: other)
    {
      let place = tensor.rank - rank + (axis == .second ? 1 : rank - 1)
      if tensor.shape.indices.contains(place), tensor.shape[place] == numbers.count {
        return ValueExpectation(axis: axis, lower: numbers, upper: numbers, moments: exact)
      }
    }
    return ValueExpectation(axis: .last, lower: numbers, upper: numbers, moments: exact).pooled
  }

  private func concatenation(_ node: Node) -> ValueExpectation? {
    let parts = node.inputs.map { values[$0] }
    guard let first = parts.first ?? nil, !parts.contains(nil) else { return nil }
    let known = parts.compactMap(\.self)
    let areMomentsKnown = known.allSatisfy { $0.moments != nil }
    func joined(_ parts: [ValueExpectation], _ axis: ChannelAxis?) -> ValueExpectation {
      ValueExpectation(
        axis: axis, lower: parts.flatMap(\.lower), upper: parts.flatMap(\.upper),
        moments: areMomentsKnown
          ? ChannelMoments(
            means: parts.flatMap { $0.moments?.means ?? [] },
            deviations: parts.flatMap { $0.moments?.deviations ?? [] }) : nil)
    }
    let isByChannels =
      node.integer("axis", default: 0) == 1 && first.axis == .second
      && known.allSatisfy { $0.axis == .second }
    return isByChannels ? joined(known, .second) : joined(known.map(\.pooled), .last).pooled
  }
}

/// The logistic function.
private enum Sigmoid {
  static func value(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
