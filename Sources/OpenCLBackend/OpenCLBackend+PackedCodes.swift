import OpenCLHost
public import Operations
public import Tensors

extension OpenCLBackend {
  /// Codes of 8-bit or narrower types, channels last.
  public func packCodes(_ codes: Value, zeroPoint: Int, bits: Int) throws -> PackedCodes<Value> {
    // Without a height, the one axis is the width.
    let spatial = Array(repeating: 1, count: 4 - codes.rank) + codes.shape[2...]
    let shape = [codes.shape[0]] + spatial
    let bytes = CodeLayout(channels: codes.shape[1])
    let offset = Int8.represents(codes.elementType) ? 1 << (bits - 1) : 0
    let packed = try makeValue(.uint8, shape + [bytes.pixelBytes])
    try moveChannels(
      "channels_last", codes, packed, channels: bytes.channels, pitch: bytes.pixelBytes,
      offset: offset)
    return try changeWidth(
      PackedCodes(packed, layout: bytes, zeroPoint: zeroPoint + offset), to: bits)
  }

  /// The codes a byte each, channels second.
  public func unpackCodes(
    _ packed: PackedCodes<Value>, to elementType: ElementType, shape: [Int]
  ) throws -> Value {
    precondition(
      shape.reduce(1, *) == packed.shape.reduce(1, *), "\(shape) for \(packed.shape)")
    let bytes = try changeWidth(packed, to: 8)
    let codes = try makeValue(elementType, shape)
    try moveChannels(
      "channels_second", bytes.bytes, codes, channels: packed.layout.channels,
      pitch: bytes.layout.pixelBytes,
      offset: Int8.represents(elementType) ? packed.layout.offset : 0)
    return codes
  }

  /// Exact sums of packed codes less their zero points.
  public func sumPacked(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution
  ) throws -> Value {
    if let plan = tilePlan(for: x, weights, convolution) {
      return try sumInTiles(
        x, weights: weights, convolution, plan, operation: "sumPacked")
    }
    guard facts.isCPU, let problem = PackedProblem(convolution, x: x, weights: weights.shape) else {
      noteHostOperation("sumPacked")
      return try upload(
        ReferenceBackend.shared.sumPacked(
          download(x), weights: weights.map(download), convolution))
    }
    return try convolveBytes(
      changeWidth(x, to: 8), weights: weights, problem, nil, by: integerTier.products,
      operation: "sumPacked")
  }

  /// Convolution of packed codes into packed codes.
  public func convolvePacked(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution,
    _ epilogue: Epilogue<Value>
  ) throws -> PackedCodes<Value> {
    if let plan = tilePlan(for: x, weights, convolution) {
      return try convolveInTiles(
        x, weights: weights, convolution, epilogue, plan, operation: "convolvePacked")
    }
    guard facts.isCPU, let problem = PackedProblem(convolution, x: x, weights: weights.shape) else {
      noteHostOperation("convolvePacked")
      return try upload(
        ReferenceBackend.shared.convolvePacked(
          download(x), weights: weights.map(download), convolution, epilogue.map(download)))
    }
    let y = try convolveBytes(
      changeWidth(x, to: 8), weights: weights, problem, epilogue, by: integerTier.products,
      operation: "convolvePacked")
    return try changeWidth(
      PackedCodes(
        y, layout: CodeLayout(channels: weights.shape[0]),
        zeroPoint: epilogue.resultZeroPoint, maximum: epilogue.resultMaximum), to: epilogue.bits)
  }

  /// Launches a kernel of `layout.cl` that moves channels.
  private func moveChannels(
    _ kernel: String, _ from: Value, _ to: Value, channels: Int, pitch: Int, offset: Int
  ) throws {
    let images = from.shape[0]
    guard from.count > 0, to.count > 0 else { return }
    let plane = (kernel == "channels_last" ? from : to).count / (images * channels)
    let length = facts.isCPU ? 512 : 1
    try launch(
      DeviceKernel("packed/layout.cl", kernel),
      global: [(plane + length - 1) / length, images], local: facts.isCPU ? [1, 1] : nil, from, to,
      Int32(channels), Int32(plane), Int32(pitch), Int32(length), UInt8(offset))
  }

  /// The same codes in another width; one of the two is 8.
  func changeWidth(
    _ packed: PackedCodes<Value>, to bits: Int
  ) throws -> PackedCodes<Value> {
    guard packed.layout.bits != bits else { return packed }
    let layout = CodeLayout(channels: packed.layout.channels, bits: bits)
    let shape = Array(packed.bytes.shape.dropLast())
    let bytes = try makeValue(.uint8, shape + [layout.pixelBytes])
    let pixels = shape.reduce(1, *)
    if pixels > 0 {
      try launchItems(
        DeviceKernel(
          "packed/layout.cl", bits == 8 ? "widen" : "narrow",
          ["BITS=\(min(bits, packed.layout.bits))"]), count: pixels, packed.bytes, bytes,
        Int32(layout.channels), Int32(packed.layout.pixelBytes), Int32(layout.pixelBytes),
        UInt32(pixels))
    }
    return PackedCodes(
      bytes, layout: layout, zeroPoint: packed.zeroPoint, maximum: packed.maximum)
  }
}
