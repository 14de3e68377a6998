import Graph
import Operations
import Tensors

/// Sums of products by Einstein's convention, computed pair by pair as matrix products.
struct Einsum: Operator {
  static let signatures = [
    OperatorSignature(
      "Einsum", since: 12, inputs: 1...Int.max, attributes: ["equation": .string])
  ]

  /// A dimension's label: a letter's code, or -1, -2, ... for the ellipsis from its end.
  typealias Label = Int

  /// The terms of the operands, as letters and ".".
  private let terms: [[Character]]
  /// The term of the result, or `nil` when it follows from the others.
  private let result: [Character]?

  init(_ node: NodeReader) throws {
    let equation = try node.required("equation", node.string("equation"))
    let wrong = node.invalid("the equation '\(equation)' is not understood")
    var sides: [[Character]] = [[]]
    var rest = Substring(equation.filter { $0 != " " })
    while let first = rest.first {
      if rest.hasPrefix("->") {
        guard sides.count == 1 else { throw wrong }
        sides.append([])
        rest = rest.dropFirst(2)
      } else if rest.hasPrefix("...") {
        sides[sides.count - 1].append(".")
        rest = rest.dropFirst(3)
      } else {
        guard first == "," || first.isASCII && first.isLetter else { throw wrong }
        sides[sides.count - 1].append(first)
        rest = rest.dropFirst()
      }
    }
    terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map { Array($0) }
    result = sides.count == 2 ? sides[1] : nil
    let counts = Dictionary(grouping: terms, by: { $0.count(where: { $0 == "." }) })
    guard terms.count == node.node.inputs.count, counts.keys.allSatisfy({ $0 <= 1 }),
      result.map({ !$0.contains(",") && Set($0).count == $0.count }) ?? true
    else { throw wrong }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    try call.requireOneType(call.operands.indices)
    var factors = try call.operands.indices.map { try factor($0, call) }
    let wanted = try resultLabels(factors, call)
    var extents: [Label: Int] = [:]
    for factor in factors {
      for (label, extent) in zip(factor.labels, factor.value.shape) {
        let known = extents[label, default: 1]
        guard known == 1 || extent == 1 || known == extent else {
          throw call.invalid("extents \(known) and \(extent) stand under one label")
        }
        extents[label] = known == 1 ? extent : known
      }
    }
    guard wanted.allSatisfy({ extents[$0] != nil }) else {
      throw call.invalid("the result has a label that no operand has")
    }
    for index in factors.indices {
      let shape = factors[index].labels.map { extents[$0] ?? 1 }
      if shape != factors[index].value.shape {
        factors[index].value = try call.backend.broadcast(factors[index].value, to: shape)
      }
    }
    var product = factors.removeFirst()
    while !factors.isEmpty {
      let next = factors.removeFirst()
      let needed = Set(wanted).union(factors.flatMap(\.labels))
      product = try multiply(product, next, keeping: needed, call)
    }
    product = try summed(product, keeping: Set(wanted), call)
    let order = wanted.compactMap { product.labels.firstIndex(of: $0) }
    return call.results(try call.backend.transpose(product.value, order))
  }

  private struct Factor<B: Backend> {
    var value: B.Value
    var labels: [Label]
  }

  /// An operand and the labels of its axes, each once.
  private func factor<B: Backend>(_ index: Int, _ call: OperatorCall<B>) throws -> Factor<B> {
    let shape = try call.operand(index).shape
    let term = terms[index]
    let hidden = shape.count - term.count(where: { $0 != "." })
    guard hidden >= 0, hidden == 0 || term.contains(".") else {
      throw call.invalid("input \(index) of shape \(shape) does not fit its term '\(String(term))'")
    }
    let labels = term.flatMap { letter -> [Label] in
      letter == "." ? (0..<hidden).map { $0 - hidden } : [Self.label(letter)]
    }
    guard Set(labels).count < labels.count else {
      return Factor(value: try call.value(index), labels: labels)
    }
    return try diagonal(index, labels, call)
  }

  /// The diagonal over axes with equal labels.
  private func diagonal<B: Backend>(
    _ index: Int, _ labels: [Label], _ call: OperatorCall<B>
  ) throws -> Factor<B> {
    let tensor = try call.tensor(index)
    var kept: [Label] = []
    var extents: [Int] = []
    for (label, extent) in zip(labels, tensor.shape) {
      if let place = kept.firstIndex(of: label) {
        guard extents[place] == extent else {
          throw call.invalid("extents \(extents[place]) and \(extent) stand under one label")
        }
      } else {
        kept.append(label)
        extents.append(extent)
      }
    }
    let strides = Shapes.strides(tensor.shape)
    let sources = Indices(extents).map { coordinate in
      zip(labels, strides).reduce(0) { sum, axis in
        sum + coordinate[kept.firstIndex(of: axis.0) ?? 0] * axis.1
      }
    }
    call.noteHostOperation("Einsum diagonal")
    let diagonal = HostIndexing.pick(tensor, sources, run: 1, shape: extents)
    return Factor(value: try call.backend.upload(diagonal), labels: kept)
  }

  private static func label(_ letter: Character) -> Label { Int(letter.asciiValue ?? 0) }

  /// The labels of the result: as stated, or the ellipsis and then those that occur once, sorted.
  private func resultLabels<B>(_ factors: [Factor<B>], _ call: OperatorCall<B>) throws -> [Label] {
    let ellipsis = Set(factors.flatMap(\.labels)).filter { $0 < 0 }.sorted()
    if let result {
      return result.flatMap { $0 == "." ? ellipsis : [Self.label($0)] }
    }
    let letters = terms.joined().filter { $0 != "." }
    let counts = Dictionary(grouping: letters) { $0 }.mapValues(\.count)
    return ellipsis + counts.filter { $0.value == 1 }.keys.map(Self.label).sorted()
  }

  /// The sum over all labels but `kept`.
  private func summed<B: Backend>(
    _ factor: Factor<B>, keeping kept: Set<Label>, _ call: OperatorCall<B>
  ) throws -> Factor<B> {
    let axes = factor.labels.indices.filter { !kept.contains(factor.labels[$0]) }
    guard !axes.isEmpty else { return factor }
    let rest = factor.labels.indices.filter { !axes.contains($0) }
    let sum = try call.backend.reduce(.sum, factor.value, axes: axes)
    let shape = rest.map { factor.value.shape[$0] }
    return Factor(
      value: try call.backend.reshape(sum, to: shape), labels: rest.map { factor.labels[$0] })
  }

  /// The product of two factors, summed over the labels that are not in `kept`.
  private func multiply<B: Backend>(
    _ a: Factor<B>, _ b: Factor<B>, keeping kept: Set<Label>, _ call: OperatorCall<B>
  ) throws -> Factor<B> {
    let left = try summed(a, keeping: kept.union(b.labels), call)
    let right = try summed(b, keeping: kept.union(a.labels), call)
    let shared = left.labels.filter(right.labels.contains)
    let batch = shared.filter(kept.contains)
    let inner = shared.filter { !kept.contains($0) }
    let rows = left.labels.filter { !shared.contains($0) }
    let columns = right.labels.filter { !shared.contains($0) }
    let first = try matrices(left, [batch, rows, inner], call)
    let second = try matrices(right, [batch, inner, columns], call)
    let product = try call.matrixMultiply(first, second)
    func extents(_ labels: [Label], of factor: Factor<B>) -> [Int] {
      labels.map { factor.value.shape[factor.labels.firstIndex(of: $0) ?? 0] }
    }
    let shape = extents(batch, of: left) + extents(rows, of: left) + extents(columns, of: right)
    return Factor(
      value: try call.backend.reshape(product, to: shape), labels: batch + rows + columns)
  }

  /// The factor with its axes brought into three groups, each of them joined.
  private func matrices<B: Backend>(
    _ factor: Factor<B>, _ groups: [[Label]], _ call: OperatorCall<B>
  ) throws -> B.Value {
    let order = groups.joined().compactMap { factor.labels.firstIndex(of: $0) }
    let sorted = try call.backend.transpose(factor.value, order)
    var extents = sorted.shape[...]
    let shape = groups.map { group in
      defer { extents = extents.dropFirst(group.count) }
      return extents.prefix(group.count).reduce(1, *)
    }
    return try call.backend.reshape(sorted, to: shape)
  }
}
