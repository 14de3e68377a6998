public import Tensors

extension ReferenceBackend {
  /// Codes `[N, C]`, `[N, C, W]` or `[N, C, H, W]` packed channels last.
  public func packCodes(_ codes: Tensor, zeroPoint: Int, bits: Int) -> PackedCodes<Tensor> {
    let shape = codes.shape + Array(repeating: 1, count: max(0, 4 - codes.rank))
    // Without a height, the one axis is the width.
    let (count, channels) = (shape[0], shape[1])
    let (height, width) = codes.rank == 3 ? (1, shape[2]) : (shape[2], shape[3])
    let layout = CodeLayout(channels: channels, bits: bits)
    let isSigned = Int8.represents(codes.elementType)
    let offset = isSigned ? layout.offset : 0
    let plane = height * width
    let bytes = Tensor(shape: [count, height, width, layout.pixelBytes]) {
      (bytes: UnsafeMutableBufferPointer<UInt8>) in
      codes.withBytes { codes in
        concurrentRanges(count * plane, grain: 1 << 10) { pixels in
          for pixel in pixels {
            let (image, position) = pixel.quotientAndRemainder(dividingBy: plane)
            for channel in 0..<channels {
              let byte = codes[(image * channels + channel) * plane + position]
              let code = (isSigned ? Int(Int8(bitPattern: byte)) : Int(byte)) + offset
              precondition((0...layout.maximum).contains(code), "code \(code) in \(layout)")
              let bit = channel * bits
              bytes[pixel * layout.pixelBytes + bit / 8] |= UInt8(code << (bit % 8))
            }
          }
        }
      }
    }
    return PackedCodes(bytes, layout: layout, zeroPoint: zeroPoint + offset)
  }

  /// The codes of ``packCodes(_:zeroPoint:bits:)`` again, a byte each, as `shape` and `elementType`.
  public func unpackCodes(
    _ packed: PackedCodes<Tensor>, to elementType: ElementType, shape: [Int]
  ) -> Tensor {
    let layout = packed.layout
    let (count, channels) = (packed.shape[0], layout.channels)
    let plane = packed.shape[2] * packed.shape[3]
    precondition(shape.reduce(1, *) == count * channels * plane, "\(shape) for \(packed.shape)")
    let offset = Int8.represents(elementType) ? layout.offset : 0
    let codes = packed.bytes.withElements(of: UInt8.self) { bytes in
      (0..<count * channels * plane).map { index -> UInt8 in
        let (row, position) = index.quotientAndRemainder(dividingBy: plane)
        let (image, channel) = row.quotientAndRemainder(dividingBy: channels)
        let bit = channel * layout.bits
        let byte = bytes[(image * plane + position) * layout.pixelBytes + bit / 8]
        let code = Int(byte) >> (bit % 8) & layout.maximum
        return UInt8(truncatingIfNeeded: code - offset)
      }
    }
    return Int8.represents(elementType)
      ? Tensor(codes.map { Int8(bitPattern: $0) }, shape: shape, as: elementType)
      : Tensor(codes, shape: shape, as: elementType)
  }

  /// Exact sums `int32` `[N, M, H, W]` of packed codes less their zero points.
  public func sumPacked(
    _ x: PackedCodes<Tensor>, weights: CodedWeights<Tensor>, _ convolution: Convolution
  ) -> Tensor {
    convolveCodes(
      unpackCodes(x, to: .uint8, shape: x.shape), zeroPoint: Tensor(scalar: UInt8(x.zeroPoint)),
      weights: weights.packedType.map { weights.codes.unpackedRows(as: $0, shape: weights.shape) }
        ?? weights.codes, weightsZeroPoint: weights.zeroPoint, convolution)
  }

  /// Convolution of packed codes into packed codes.
  public func convolvePacked(
    _ x: PackedCodes<Tensor>, weights: CodedWeights<Tensor>, _ convolution: Convolution,
    _ epilogue: Epilogue<Tensor>
  ) -> PackedCodes<Tensor> {
    finish(sumPacked(x, weights: weights, convolution), epilogue)
  }

  /// What an epilogue makes of sums `int32` `[N, M, H, W]`.
  package func finish(_ sums: Tensor, _ epilogue: Epilogue<Tensor>) -> PackedCodes<Tensor> {
    let (channels, plane) = (sums.shape[1], sums.shape[2...].reduce(1, *))
    let biases = epilogue.bias?.array(of: Int32.self)
    let round = epilogue.rounding.function
    var codes = sums.withElements(of: Int32.self) { sums in
      sums.indices.map { index -> UInt8 in
        let channel = index / plane % channels
        let sum = sums[index] &+ (biases?[channel] ?? 0)
        return clipped(round(sum, channel), epilogue.zeroPoint, epilogue.codes)
      }
    }
    if let residual = epilogue.residual {
      let others = unpackCodes(residual.other, to: .uint8, shape: residual.other.shape)
        .array(of: UInt8.self)
      for index in codes.indices {
        let own = Float(Int(codes[index]) - epilogue.zeroPoint) * residual.scale
        let other = Float(Int(others[index]) - residual.other.zeroPoint) * residual.otherScale
        let code = ((own + other) / residual.resultScale).rounded(.toNearestOrEven)
        codes[index] = clipped(code, residual.resultZeroPoint, residual.resultCodes)
      }
    }
    var packed = packCodes(
      Tensor(codes, shape: sums.shape), zeroPoint: epilogue.resultZeroPoint, bits: epilogue.bits)
    packed.maximum = epilogue.resultMaximum
    return packed
  }
}

extension Rounding<Tensor> {
  /// The value of a sum of a channel in the unit of the codes, whole.
  fileprivate var function: (Int32, Int) -> Float64 {
    func parameter<Element: TensorScalar>(_ tensor: Tensor, _: Element.Type) -> (Int) -> Element {
      let values = tensor.array(of: Element.self)
      return { values[values.count == 1 ? 0 : $0] }
    }
    switch self {
    case .float(let multiplier):
      let multiplier = parameter(multiplier, Float.self)
      return { Float64((Float($0) * multiplier($1)).rounded(.toNearestOrEven)) }
    case .integer(let multiplier, let shift):
      let (multiplier, shift) = (parameter(multiplier, Int32.self), parameter(shift, Int32.self))
      return { sum, channel in
        let product = Int64(sum) * Int64(multiplier(channel))
        return Float64((product + 1 << Int64(shift(channel) - 1)) >> Int64(shift(channel)))
      }
    case .shift(let shift):
      let shift = parameter(shift, Int32.self)
      return { sum, channel in
        let half: Int64 = shift(channel) == 0 ? 0 : 1 << Int64(shift(channel) - 1)
        return Float64((Int64(sum) + half) >> Int64(shift(channel)))
      }
    case .floorShift(let shift):
      let shift = parameter(shift, Int32.self)
      return { Float64($0 >> shift($1)) }
    }
  }
}

/// `value + zeroPoint`, at the nearest code of `codes`.
private func clipped<Value: BinaryFloatingPoint>(
  _ value: Value, _ zeroPoint: Int, _ codes: ClosedRange<Int>
) -> UInt8 {
  UInt8(min(max(value + Value(zeroPoint), Value(codes.lowerBound)), Value(codes.upperBound)))
}
