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
    _ function: BinaryFunction, _ a: PackedCodes<Tensor>, unit aUnit: Float,
    _ b: PackedCodes<Tensor>, unit bUnit: Float, to result: CodeScaling
  ) -> PackedCodes<Tensor> {
    func floats(_ packed: PackedCodes<Tensor>, _ unit: Float) -> Tensor {
      dequantize(
        unpackCodes(packed, to: .uint8, shape: packed.shape), scale: Tensor(scalar: unit),
        zeroPoint: Tensor(scalar: UInt8(packed.zeroPoint)), layout: .tensor)
    }
    let values = combine(function, floats(a, aUnit), floats(b, bUnit))
    let codes = quantize(
      values, scale: Tensor(scalar: result.scale),
      zeroPoint: Tensor(scalar: UInt8(result.zeroPoint)), layout: .tensor, to: .uint8)
    let clipped = codes.array(of: UInt8.self).map { code in
      min(max(code, UInt8(result.codes.lowerBound)), UInt8(result.codes.upperBound))
    }
    return packCodes(
      Tensor(clipped, shape: codes.shape), zeroPoint: result.zeroPoint, bits: 8)
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
    guard case .average(_, _, countsBorder: true) = function else { return false }
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
    }
  }
}

extension CodeScaling {
  /// The nearest of the codes that may occur; a NaN is zero.
  fileprivate func clipped(_ value: Float) -> UInt8 {
    guard !value.isNaN else { return UInt8(zeroPoint) }
    return UInt8(min(max(value, Float(codes.lowerBound)), Float(codes.upperBound)))
  }
}
