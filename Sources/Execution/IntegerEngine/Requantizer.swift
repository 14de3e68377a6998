import Graph
import Operations
import Quantization
import Tensors

/// What a ``Quantization/Requantization`` makes of the scales around one node.
///
/// The formulas of sums, products and averages follow from the convolution's: the exact value in the
/// unit of the result, halves up or everything down.
struct Requantizer {
  let mode: Requantization
  /// The node, for messages.
  let node: Node

  /// A message that the node has no form in this arithmetic.
  func refusal(_ reason: String) -> GraphError {
    .unsupported(
      "node '\(node.label)' (\(node.operatorType)): requantization '\(mode.rawValue)': \(reason)")
  }

  // MARK: Products

  /// From sums in units of `input * scales` to codes in units of `output`; one scale, or one a filter.
  func rounding(input: Float, scales: [Float], output: Float) throws -> Rounding<Tensor> {
    func tensor<Element: TensorScalar>(_ values: [Element]) -> Tensor {
      Tensor(values, shape: values.count == 1 ? [] : [values.count])
    }
    switch mode {
    case .float: return .float(multiplier: tensor(scales.map { input * $0 / output }))
    case .fixedPoint:
      let factors = try scales.map {
        try fixedPoint(Double(input) * Double($0) / Double(output))
      }
      return .integer(
        multiplier: tensor(factors.map(\.multiplier)),
        shift: tensor(factors.map { Int32($0.shift) }))
    case .round, .sadl:
      let base = try exponent(of: input, "input") - exponent(of: output, "result")
      let shifts = try scales.map { scale in
        let shift = try -(base + exponent(of: scale, "weights"))
        guard shift >= 0 else {
          throw refusal("a sum would have to be shifted to the left by \(-shift) bits")
        }
        // From these on nothing is left of 32 bits but, towards minus infinity, the sign.
        return Int32(min(shift, mode == .sadl ? 31 : 32))
      }
      return mode == .sadl ? .floorShift(tensor(shifts)) : .shift(tensor(shifts))
    }
  }

  /// Throws unless 32 bits hold the sums, where the arithmetic does not mean them to wrap.
  func check(_ intervals: [AccumulatorInterval]) throws {
    guard mode == .fixedPoint || mode == .round,
      let filter = intervals.firstIndex(where: { !$0.fits32Bits })
    else { return }
    throw refusal(
      "the sum of filter \(filter) needs \(intervals[filter].bits) bits, and there are 32")
  }

  // MARK: Sums, products and averages of tensors

  /// The sum of codes in units of `a` and `b` as codes in units of `result`.
  func sum(_ a: Float, _ b: Float, result: Float) throws -> CodeCombination {
    switch mode {
    case .float: return .float(.add, aUnit: a, bUnit: b)
    case .fixedPoint, .round:
      if mode == .round { try requirePowersOfTwo(a, b, result) }
      let ratios = [Double(a) / Double(result), Double(b) / Double(result)]
      let larger = try fixedPoint(max(ratios[0], ratios[1]))
      let unit = Double(sign: .plus, exponent: larger.shift, significand: 1)
      let terms = try ratios.map { ratio in
        let multiplier = (ratio * unit).rounded(.toNearestOrEven)
        try requireExact(multiplier == ratio * unit)
        return CodeTerm(multiplier: Int32(multiplier))
      }
      return .sum(terms[0], terms[1], CodeShift(larger.shift, roundsHalfUp: true))
    case .sadl:
      let exponents = [try exponent(of: a, "summand"), try exponent(of: b, "summand")]
      // The unit of the sum is the coarser one, to which the finer summand is shifted.
      let coarser = max(exponents[0], exponents[1])
      let left = try coarser - exponent(of: result, "result")
      guard left < 20 else { throw refusal("its summands are \(left) bits coarser than the sum") }
      let terms = exponents.map {
        CodeTerm(shift: min(coarser - $0, 31), multiplier: 1 << Int32(max(left, 0)))
      }
      return .sum(terms[0], terms[1], CodeShift(min(max(-left, 0), 62), roundsHalfUp: false))
    }
  }

  /// The product of codes in units of `a` and `b` as codes in units of `result`.
  func product(_ a: Float, _ b: Float, result: Float) throws -> CodeCombination {
    if mode == .float { return .float(.multiply, aUnit: a, bUnit: b) }
    if mode.needsPowersOfTwo { try requirePowersOfTwo(a, b, result) }
    let factor = try fixedPoint(Double(a) * Double(b) / Double(result))
    return .product(
      multiplier: factor.multiplier,
      CodeShift(factor.shift, roundsHalfUp: mode.roundsHalfUp))
  }

  /// The average of codes in units of `unit`; `nil` in ``Requantization/float``.
  func average(
    unit: Float, to result: CodeScaling, countsBorder: Bool
  ) throws -> CodePooling.Function? {
    if mode == .float { return nil }
    if mode.needsPowersOfTwo { try requirePowersOfTwo(unit, unit, result.scale) }
    // 36, so that the divisor has room for four million taps.
    return .quotient(
      try fixedPoint(Double(unit) / Double(result.scale), maximumShift: 36),
      roundsHalfUp: mode.roundsHalfUp, result, countsBorder: countsBorder)
  }

  // MARK: Codes

  /// The codes that may occur, of those in `codes`: in ``Requantization/sadl`` they lie symmetrically
  /// about zero, or begin at zero.
  func codes(_ codes: ClosedRange<Int>, zeroPoint: Int) throws -> ClosedRange<Int> {
    guard mode == .sadl, codes.lowerBound < zeroPoint else { return codes }
    let (below, above) = (zeroPoint - codes.lowerBound, codes.upperBound - zeroPoint)
    guard below == above || below == above + 1 else {
      throw refusal(
        "its codes reach \(below) below zero and \(above) above; symmetric ones are needed")
    }
    return zeroPoint - above...codes.upperBound
  }

  /// The codes, within `range` as stored, of floats; not in ``Requantization/float``, whose are those of
  /// QuantizeLinear.
  func quantized(
    _ floats: Tensor, _ quantizer: ConstantQuantizer, range: ClosedRange<Int>
  ) throws -> Tensor {
    let zero = quantizer.storedZeroPoint
    let range = try codes(range, zeroPoint: zero)
    let stored = floats.array(of: Float.self).map { value -> Int in
      guard !value.isNaN else { return zero }
      // The quotient of two floats as a double, exact for powers of two.
      let steps = Double(value) / Double(quantizer.scale)
      let whole = (mode.roundsHalfUp ? steps + 0.5 : steps).rounded(.down) + Double(zero)
      return Int(min(max(whole, Double(range.lowerBound)), Double(range.upperBound)))
    }
    let offset = quantizer.type.codeOffset(bits: 8)
    return quantizer.type == .int8
      ? Tensor(stored.map { Int8($0 - offset) }, shape: floats.shape)
      : Tensor(stored.map { UInt8($0) }, shape: floats.shape)
  }

  // MARK: Scales

  private func fixedPoint(_ factor: Double, maximumShift: Int = 62) throws -> FixedPoint {
    guard let found = FixedPoint(factor, maximumShift: maximumShift) else {
      throw refusal("a factor of \(factor) between its scales")
    }
    let unit = Double(sign: .plus, exponent: found.shift, significand: 1)
    try requireExact(Double(found.multiplier) == factor * unit)
    return found
  }

  /// Powers of two are shifts; so far apart that they are none, they are refused.
  private func requireExact(_ isExact: Bool) throws {
    guard isExact || !mode.needsPowersOfTwo else { throw refusal("its scales lie too far apart") }
  }

  private func requirePowersOfTwo(_ a: Float, _ b: Float, _ result: Float) throws {
    _ = try (exponent(of: a, "operand"), exponent(of: b, "operand"), exponent(of: result, "result"))
  }

  private func exponent(of scale: Float, _ what: String) throws -> Int {
    guard scale.isNormal, scale > 0, scale.significandBitPattern == 0 else {
      throw refusal("the scale of its \(what), \(scale), is no power of two")
    }
    return Int(scale.exponent)
  }
}
