public import Tensors

extension ReferenceBackend {
  /// 8-bit codes looked up in a table, or in one table for each index of an axis.
  public func mapCodes(
    _ x: Tensor, table: Tensor, to elementType: ElementType, axis: Int, channels: Int
  ) -> Tensor {
    let extent = x.shape[axis]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let entries = table.array(of: UInt8.self)
    let stride = table.rank == 2 ? 256 : 0
    let codes = x.withBytes { bytes in
      bytes.enumerated().map { index, code -> UInt8 in
        let channel = index / inner % extent
        return channel < channels ? entries[channel * stride + Int(code)] : 0
      }
    }
    return elementType == .int8
      ? Tensor(codes.map { Int8(bitPattern: $0) }, shape: x.shape)
      : Tensor(codes, shape: x.shape)
  }

  /// Sums or products of what packed codes stand for, as packed codes.
  public func combinePacked(
    _ combination: CodeCombination, _ a: PackedCodes<Tensor>, _ b: PackedCodes<Tensor>,
    to result: CodeScaling
  ) -> PackedCodes<Tensor> {
    let value = combination.function(zeroPoints: (a.zeroPoint, b.zeroPoint), scale: result.scale)
    let first = unpackCodes(a, to: .uint8, shape: a.shape).array(of: UInt8.self)
    let second = unpackCodes(b, to: .uint8, shape: b.shape).array(of: UInt8.self)
    let plane = a.shape == b.shape ? 1 : a.shape[2] * a.shape[3]
    let codes = first.indices.map { index -> UInt8 in
      let steps = value(Int64(first[index]), Int64(second[index / plane]))
      return result.clipped(steps + Float64(result.zeroPoint))
    }
    return packCodes(Tensor(codes, shape: a.shape), zeroPoint: result.zeroPoint, bits: 8)
  }

  /// Pooling of packed codes.
  public func poolPacked(
    _ x: PackedCodes<Tensor>, _ pooling: CodePooling
  ) -> PackedCodes<Tensor> {
    let shape = x.shape
    let (height, width) = (shape[2], shape[3])
    let extents = pooling.outputExtents
    let codes = unpackCodes(x, to: .uint8, shape: shape).array(of: UInt8.self)
    var pooled: [UInt8] = []
    for plane in 0..<shape[0] * shape[1] {
      for row in 0..<extents[0] {
        for column in 0..<extents[1] {
          var taps: [Int] = []
          var counted = 0
          pooling.window.forEachTap(row: row, column: column) { y, x in
            if (0..<height).contains(y), (0..<width).contains(x) {
              taps.append(Int(codes[(plane * height + y) * width + x]))
              counted += 1
            } else if pooling.counts(y, x, height: height, width: width) {
              counted += 1
            }
          }
          pooled.append(pooling.code(taps, counted: counted, zeroPoint: x.zeroPoint))
        }
      }
    }
    return packCodes(
      Tensor(pooled, shape: [shape[0], shape[1]] + extents),
      zeroPoint: pooling.zeroPoint(of: x.zeroPoint), bits: 8)
  }
}

extension Window {
  /// The taps of an output of two dimensions in row-major order.
  fileprivate func forEachTap(row: Int, column: Int, _ body: (Int, Int) -> Void) {
    for y in 0..<kernel[0] {
      for x in 0..<kernel[1] {
        body(
          row * strides[0] + y * dilations[0] - padBefore[0],
          column * strides[1] + x * dilations[1] - padBefore[1])
      }
    }
  }
}

extension CodePooling {
  /// Whether a tap that is not on the input is counted.
  fileprivate func counts(_ y: Int, _ x: Int, height: Int, width: Int) -> Bool {
    switch function {
    case .average(_, _, countsBorder: true), .quotient(_, _, _, countsBorder: true): break
    default: return false
    }
    return (-window.padBefore[0]..<height + window.padAfter[0]).contains(y)
      && (-window.padBefore[1]..<width + window.padAfter[1]).contains(x)
  }

  /// The code of a window.
  fileprivate func code(_ taps: [Int], counted: Int, zeroPoint: Int) -> UInt8 {
    switch function {
    case .maximum: return UInt8(taps.max() ?? 0)
    case .average(let unit, let result, _):
      let sum = taps.reduce(Float(0)) { $0 + Float($1 - zeroPoint) * unit }
      return result.clipped(
        (sum / Float(counted) / result.scale + Float(result.zeroPoint))
          .rounded(.toNearestOrEven))
    case .mean(let unit, let result):
      let sum = taps.reduce(Int32(0)) { $0 &+ Int32($1 - zeroPoint) }
      let steps = (Float(sum) * factor(unit: unit, scale: result.scale))
        .rounded(.toNearestOrEven)
      return result.clipped(steps + Float(result.zeroPoint))
    case .quotient(let factor, let roundsHalfUp, let result, _):
      guard counted > 0 else { return UInt8(result.zeroPoint) }
      let sum = taps.reduce(Int64(0)) { $0 + Int64($1 - zeroPoint) }
      let divisor = Int64(counted) << Int64(factor.shift)
      let dividend = 2 * sum * Int64(factor.multiplier) + (roundsHalfUp ? divisor : 0)
      // Swift's division is towards zero.
      let (quotient, rest) = dividend.quotientAndRemainder(dividingBy: 2 * divisor)
      return result.clipped(Float64(quotient - (rest < 0 ? 1 : 0)) + Float64(result.zeroPoint))
    }
  }
}

extension CodeCombination {
  /// The value of two codes in the unit of the result, whole.
  fileprivate func function(
    zeroPoints: (Int, Int), scale: Float
  ) -> (Int64, Int64) -> Float64 {
    let (aZero, bZero) = (Int64(zeroPoints.0), Int64(zeroPoints.1))
    switch self {
    case .float(let function, let aUnit, let bUnit):
      precondition(function == .add || function == .multiply, "\(function) of codes")
      return { a, b in
        let (first, second) = (Float(a - aZero) * aUnit, Float(b - bZero) * bUnit)
        let value = function == .add ? first + second : first * second
        return Float64((value / scale).rounded(.toNearestOrEven))
      }
    case .sum(let first, let second, let shift):
      return { a, b in
        let own = ((a - aZero) >> Int64(first.shift)) * Int64(first.multiplier)
        let other = ((b - bZero) >> Int64(second.shift)) * Int64(second.multiplier)
        return Float64((own + other + shift.half) >> Int64(shift.count))
      }
    case .product(let multiplier, let shift):
      return { a, b in
        let product = (a - aZero) * (b - bZero) * Int64(multiplier)
        return Float64((product + shift.half) >> Int64(shift.count))
      }
    }
  }
}

extension CodeScaling {
  /// The nearest of the codes that may occur; a NaN is zero.
  fileprivate func clipped<Value: BinaryFloatingPoint>(_ value: Value) -> UInt8 {
    guard !value.isNaN else { return UInt8(zeroPoint) }
    return UInt8(min(max(value, Value(codes.lowerBound)), Value(codes.upperBound)))
  }
}
