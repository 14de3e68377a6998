import Operations

/// The arguments that `packed/sum_result.cl` takes from an epilogue.
struct TileFinish {
  typealias Value = OpenCLBackend.Value

  var bias: Value?
  var multiplier: Value?
  var shift: Value?
  /// Zero point, lowest, highest.
  var codes = SIMD4<Int32>()
  var other: Value?
  /// The other summand's zero point, the result's, lowest, highest.
  var otherCodes = SIMD4<Int32>()
  /// Of the codes, of the other summand, of the result.
  var scales = SIMD4<Float>()

  /// 1 where there is a parameter a channel.
  var multiplierStep: Int32 { (multiplier?.count ?? 1) == 1 ? 0 : 1 }
  var shiftStep: Int32 { (shift?.count ?? 1) == 1 ? 0 : 1 }

  init(_ result: TileResult) {
    guard case .codes(let epilogue) = result else { return }
    bias = epilogue.bias
    switch epilogue.rounding {
    case .float(let multiplier): self.multiplier = multiplier
    case .integer(let multiplier, let shift): (self.multiplier, self.shift) = (multiplier, shift)
    case .shift(let shift), .floorShift(let shift): self.shift = shift
    }
    codes = SIMD4(
      Int32(epilogue.zeroPoint), Int32(epilogue.codes.lowerBound),
      Int32(epilogue.codes.upperBound), 0)
    guard let residual = epilogue.residual else { return }
    other = residual.other.bytes
    otherCodes = SIMD4(
      Int32(residual.other.zeroPoint), Int32(residual.resultZeroPoint),
      Int32(residual.resultCodes.lowerBound), Int32(residual.resultCodes.upperBound))
    scales = SIMD4(residual.scale, residual.otherScale, residual.resultScale, 1)
  }
}

extension Rounding {
  /// What `packed/sum_result.cl` is compiled with.
  var definition: String {
    switch self {
    case .float: "ROUND_FLOAT"
    case .integer: "ROUND_INTEGER"
    case .shift: "ROUND_SHIFT"
    case .floorShift: "ROUND_FLOOR"
    }
  }
}
