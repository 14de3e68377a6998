import Graph
internal import Execution
internal import Tensors

/// The quantizers, associations and tensors of a graph as messages have them.
struct GraphSignals: Sendable, Hashable {
  /// The quantizers.
  var quantizers: [SignalledQuantizer] = []
  /// What they belong to.
  var associations: [QuantizerAssociation] = []
  /// The codes of constants.
  var tensors: [CodedTensor] = []
  /// Quantizers by the names of what holds scales and codes of zero.
  private var places: [[String]: Int] = [:]
  /// Elements of ``tensors``.
  private var elements = 0

  /// What `graph` has, or what differs from `base`.
  ///
  /// - Throws: `GraphError` naming node and tensor for numbers that no message holds.
  init(
    of graph: Graph, _ operands: [SignalledOperand], base: Graph? = nil
  ) throws(GraphError) {
    let levels = graph.statedLevels
    var seen: Set<String> = []
    for operand in operands {
      if let name = operand.codes, seen.insert(name).inserted {
        try appendTensor(name, operand, graph, base)
      }
      guard let scale = operand.scale else { continue }
      let names = [scale, operand.zeroPoint ?? ""]
      if let place = places[names] {
        associations.append(operand.association(with: place))
        continue
      }
      let isEqual = names.allSatisfy { graph.initializers[$0] == base?.initializers[$0] }
      if base != nil, isEqual { continue }
      if let base, try appendMultipliers(operand, graph, base) { continue }
      places[names] = quantizers.count
      associations.append(operand.association(with: quantizers.count))
      quantizers.append(try graph.quantizer(of: operand, levels: levels))
    }
    if base != nil {
      // One place is enough to find a quantizer that an update changes.
      var known: Set<Int> = []
      associations.removeAll { !known.insert($0.quantizer).inserted }
    }
  }

  /// Appends the multipliers by which an update changes a kernel's scales; returns whether they say it
  /// all.
  private mutating func appendMultipliers(
    _ operand: SignalledOperand, _ graph: Graph, _ base: Graph
  ) throws(GraphError) -> Bool {
    guard operand.kind == .kernel, let name = operand.scale,
      operand.zeroPoint.map({ graph.initializers[$0] == base.initializers[$0] }) ?? true,
      let old = base.initializers[name]?.array(of: Float.self),
      let new = graph.initializers[name]?.array(of: Float.self),
      let (codes, shift) = ChannelMultipliers.codes(from: old, to: new)
    else { return false }
    // What shares the scales would change with them: one place tells them all, as for quantizers.
    associations.append(
      QuantizerAssociation(
        layer: operand.layer, kind: .multiplier, operand: operand.operand,
        quantizer: quantizers.count))
    quantizers.append(SignalledQuantizer(isSigned: true, bits: 16, scales: .shifts([shift])))
    tensors.append(
      CodedTensor(
        name: operand.multiplierName, shape: [codes.count], format: .int16, values: codes))
    places[[name, operand.zeroPoint ?? ""]] = quantizers.count - 1
    return true
  }

  private mutating func appendTensor(
    _ name: String, _ operand: SignalledOperand, _ graph: Graph, _ base: Graph?
  ) throws(GraphError) {
    guard let tensor = graph.initializers[name], tensor != base?.initializers[name] else { return }
    elements += tensor.count
    guard elements <= CompressedNetwork.largestNetwork else {
      throw .unsupported(
        "node '\(operand.label)': with the tensor '\(name)' (\(tensor)) there are more than "
          + "\(CompressedNetwork.largestNetwork) codes")
    }
    let values = SignalledCodes.values(tensor)
    if !values.contains(.min), let old = base?.initializers[name],
      let difference = difference(tensor, old)
    {
      let coded = CodedTensor(
        name: operand.tensorName + CodedTensor.differenceMark,
        shape: tensor.shape.isEmpty ? [1] : tensor.shape,
        format: CodedFormat(holding: difference.range), values: difference.values)
      let whole = CodedTensor(
        name: operand.tensorName, shape: coded.shape, format: .int32, values: values)
      guard CompressedNetwork.encode([coded]).count >= CompressedNetwork.encode([whole]).count
      else { return tensors.append(coded) }
    }
    guard tensor.count > 0, tensor.shape.count <= CompressedNetwork.mostDimensions,
      !values.contains(.min)
    else {
      throw .unsupported(
        "node '\(operand.label)': the tensor '\(name)' (\(tensor)) is empty, has more than "
          + "\(CompressedNetwork.mostDimensions) dimensions or holds -2^31")
    }
    let range = tensor.elementType.integerRange ?? 0...0
    tensors.append(
      CodedTensor(
        name: operand.tensorName, shape: tensor.shape.isEmpty ? [1] : tensor.shape,
        format: CodedFormat(holding: range), values: values))
  }
}

/// What is to be added to the codes of `old`; `nil` where that is no row of codes.
private func difference(
  _ new: Tensor, _ old: Tensor
) -> (values: [Int32], range: ClosedRange<Int>)? {
  guard new.shape == old.shape, new.elementType == old.elementType, new.count > 0,
    new.shape.count <= CompressedNetwork.mostDimensions
  else { return nil }
  let values = zip(SignalledCodes.values(new), SignalledCodes.values(old)).map {
    Int($0) - Int($1)
  }
  guard let least = values.min(), let most = values.max(),
    CodedFormat.int32.range.contains(least), CodedFormat.int32.range.contains(most)
  else { return nil }
  return (values.map { Int32($0) }, least...most)
}

extension SignalledOperand {
  fileprivate func association(with quantizer: Int) -> QuantizerAssociation {
    QuantizerAssociation(layer: layer, kind: kind, operand: operand, quantizer: quantizer)
  }
}

extension Graph {
  fileprivate func quantizer(
    of operand: SignalledOperand, levels: [String: (weights: Int, data: Int)]
  ) throws(GraphError) -> SignalledQuantizer {
    let type = storedType(of: operand)
    let scales = operand.scale.flatMap { initializers[$0] }?.array(of: Float.self) ?? []
    if let wrong = scales.first(where: { !($0 > 0 && $0.isFinite) }) {
      throw .invalid("node '\(operand.label)': \(wrong) is no scale")
    }
    guard !scales.isEmpty else {
      throw .invalid("node '\(operand.label)': '\(operand.scale ?? "")' holds no scale")
    }
    let zeros = operand.zeroPoint.flatMap { initializers[$0] }.map(SignalledCodes.values) ?? []
    guard !zeros.contains(.min) else {
      throw .unsupported(
        "node '\(operand.label)': '\(operand.zeroPoint ?? "")' holds -2^31, which messages do not")
    }
    let hasZeros = zeros.contains { $0 != 0 }
    guard !hasZeros || zeros.count == scales.count else {
      throw .unsupported(
        "node '\(operand.label)': \(scales.count) scales with \(zeros.count) codes of zero")
    }
    var count: Int?
    if let known = levels[operand.label] {
      switch operand.kind {
      case .kernel: count = known.weights
      case .activationIn: count = known.data
      default: break
      }
    }
    let isSigned = (type.integerRange?.lowerBound ?? 0) < 0
    return SignalledQuantizer(
      isSigned: isSigned, bits: type.bitCount,
      levels: count.flatMap { (2..<1 << type.bitCount).contains($0) ? $0 : nil },
      scales: SignalledQuantizer.Scales(scales), zeroPoints: hasZeros ? zeros.map(Int.init) : nil)
  }

  /// The type in which an operand's codes are stored.
  func storedType(of operand: SignalledOperand) -> ElementType {
    let types = [operand.codes, operand.zeroPoint].compactMap { $0.flatMap { initializers[$0] } }
    // QuantizeLinear without a code of zero and without a type in its attribute writes bytes.
    return types.map(\.elementType).min { $0.bitCount < $1.bitCount } ?? operand.statedType
      ?? .uint8
  }

  /// Bits that every sum of every layer fits, in any order; `nil` where a layer's depend on data or
  /// there is none.
  func signalledAccumulatorBits() throws -> Int? {
    let accumulators = try IntegerNetwork(self).layers.map { $0.accumulator?.bits }
    guard !accumulators.isEmpty, accumulators.allSatisfy({ $0 != nil }) else { return nil }
    return accumulators.compactMap { $0 }.max()
  }
}
