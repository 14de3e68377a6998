import Operations

/// A two-dimensional convolution of packed codes as `packed/geometry.cl` describes it.
struct PackedProblem: Hashable, Sendable {
  /// Filters of a block.
  static let block = 32

  var batch, groups: Int
  /// Of a group.
  var channels, filters: Int
  var input, output, kernel, strides, dilations, pads: SIMD2<Int>
  /// Bytes of a pixel of x, 8 bits a code, and of the result.
  var inputPixel, outputPixel: Int
  /// The code of the border.
  var inputZeroPoint: Int
  /// No code of x is larger: 1, 3, 7 ... 255, so that few programs serve all.
  var largestCode: Int
  /// Whether every channel has a filter of its own; then `groups` is 1 and `filters` all of them.
  var isDepthwise: Bool

  /// The convolution of `x`; `nil` if the kernels cannot count its elements.
  init?(
    _ convolution: Convolution, x: PackedCodes<OpenCLBackend.Value>, weights: [Int]
  ) {
    let shape = x.shape
    let window = convolution.window
    batch = shape[0]
    groups = convolution.groups
    channels = weights[1]
    filters = weights[0] / convolution.groups
    input = SIMD2(shape[2], shape[3])
    output = SIMD2(window.outputExtent(shape[2], axis: 0), window.outputExtent(shape[3], axis: 1))
    kernel = SIMD2(window.kernel)
    strides = SIMD2(window.strides)
    dilations = SIMD2(window.dilations)
    pads = SIMD2(window.padBefore)
    inputPixel = CodeLayout(channels: shape[1]).pixelBytes
    outputPixel = CodeLayout(channels: weights[0]).pixelBytes
    inputZeroPoint = x.zeroPoint
    let largest = max(x.zeroPoint, x.maximum, 1)
    largestCode = 1 << (Int.bitWidth - largest.leadingZeroBitCount) - 1
    isDepthwise = groups > 1 && channels == 1 && filters == 1
    if isDepthwise { (groups, filters) = (1, groups) }
    let counts = [
      batch * input.x * input.y, pixels, weights.reduce(1, *), 4 * depth * Self.block,
    ]
    guard counts.allSatisfy({ $0 <= Int(Int32.max) / 2 }) else { return nil }
  }

  /// Pixels of the result.
  var pixels: Int { batch * output.x * output.y }
  /// Blocks of filters of a group.
  var blocks: Int { (filters + Self.block - 1) / Self.block }
  /// Filters of all groups, filled up to blocks.
  var places: Int { groups * blocks * Self.block }
  /// Bytes that the channels of a tap take among the products.
  var tap: Int { isDepthwise ? 1 : groups == 1 ? inputPixel : (channels + 3) / 4 * 4 }
  /// Bytes of a window.
  var depth: Int { kernel.x * kernel.y * tap }

  /// Whether 16 products can take the place of 36; see `packed/winograd.cl`. With few channels or
  /// filters they save less than their transformations cost.
  var hasWinograd: Bool {
    let one = SIMD2(repeating: 1)
    return kernel == SIMD2(repeating: 3) && strides == one && dilations == one && groups == 1
      && !isDepthwise && largestCode <= 63 && channels >= 32 && filters >= 32
  }

  /// The struct `Geometry`; `run` as in `PackedFactors`.
  func numbers(_ schedule: PackedSchedule, _ codes: EpilogueCodes, run: Int = 0) -> [Int32] {
    let numbers = [
      batch, groups, isDepthwise ? 1 : channels, filters, input.x, input.y, output.x, output.y,
      kernel.x, kernel.y, strides.x, strides.y, dilations.x, dilations.y, pads.x, pads.y,
      inputPixel, outputPixel, tap, schedule.pitch, blocks, pixels, schedule.chunkTiles,
      schedule.partBlocks, inputZeroPoint,
    ]
    return (numbers + codes.numbers + [run]).map { Int32($0) }
  }
}

/// What an epilogue knows of codes, apart from its tensors.
struct EpilogueCodes: Hashable, Sendable {
  var numbers: [Int]

  /// None: the result is sums.
  static let none = EpilogueCodes(numbers: Array(repeating: 0, count: 7))

  init(numbers: [Int]) { self.numbers = numbers }

  init<Value>(_ epilogue: Epilogue<Value>) {
    let residual = epilogue.residual
    numbers = [
      epilogue.zeroPoint, epilogue.codes.lowerBound, epilogue.codes.upperBound,
      residual?.other.zeroPoint ?? 0, residual?.resultZeroPoint ?? 0,
      residual?.resultCodes.lowerBound ?? 0, residual?.resultCodes.upperBound ?? 0,
    ]
  }
}
