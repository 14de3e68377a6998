import OpenCLHost
import Operations
import Tensors

/// A depthwise convolution of packed codes, channels across work-items; see `packed/lanes.cl`.
struct LaneLaunch {
  var geometry: ConvolutionGeometry
  var x: PackedCodes<OpenCLBackend.Value>
  var result: TileResult
  /// Bits of a code of the result.
  var writtenBits: Int
  /// Words from a pixel of the result, and of a residual's other summand, to the next.
  var outputWords: Int
  var otherWords: Int

  /// Channels of a work-item: as many as fill whole words of x and of the result.
  var channels: Int { 32 / min(x.layout.bits, writtenBits) }

  /// Pixels of a work-item: few where it has many channels.
  var itemPixels: Int { max(1, 16 / channels) }

  /// Blocks of channels that cover x and every word of the result.
  var blocks: Int {
    (max(geometry.groups, outputWords * 32 / writtenBits) + channels - 1) / channels
  }

  /// Sizes and taps as tiles have them, in units of a word.
  var problem: TileProblem {
    TileProblem(
      geometry: geometry, inputBits: x.layout.bits, inputWords: x.layout.pixelBytes / 4,
      outputWords: outputWords, otherWords: otherWords)
  }

  var kernel: DeviceKernel {
    DeviceKernel(
      "packed/lanes.cl", "convolve_packed_lanes",
      problem.definitions + result.definitions(writtenBits: writtenBits) + [
        "CHANNELS=\(channels)", "ITEM_PIXELS=\(itemPixels)",
      ], preludes: ["prelude/divide.cl", "packed/problem.cl", "packed/sum_result.cl"])
  }
}

/// What decides how weights are packed for lanes.
struct LanePacking: Hashable, Sendable {
  /// Channels, filled up to whole blocks.
  var channels: Int
  /// The type of packed codes of weights.
  var packed: ElementType?
  /// The memory of the zero points; the companion keeps it alive.
  var zeroPoints: ObjectIdentifier?
}

extension ConvolutionGeometry {
  /// Whether every channel has a filter of its own.
  var isDepthwise: Bool { channels == 1 && filters == 1 && groups > 1 }
}

extension OpenCLBackend {
  /// Computes a depthwise convolution into `y`.
  func run(
    _ lanes: LaneLaunch, weights: CodedWeights<Value>, into y: Value, operation: StaticString
  ) throws {
    let (problem, x) = (lanes.problem, lanes.x)
    let packed = try packLanes(of: weights, lanes)
    let border = problem.border(x.zeroPoint)
    let (numbers, units) = try describe(problem, border: border, for: packed[0])
    let finish = TileFinish(lanes.result)
    let groups = (problem.pixels + lanes.itemPixels - 1) / lanes.itemPixels
    let nothing = packed[0]
    try launch(
      lanes.kernel, global: [groups * lanes.blocks], local: workGroup([64]), numbers, units,
      x.bytes, border, packed[0], y, packed[1], Int32(x.zeroPoint), numbers,
      finish.bias?.memory ?? nothing, Int32(finish.bias == nil ? 0 : 1),
      finish.multiplier?.memory ?? nothing, finish.multiplierStep,
      finish.shift?.memory ?? nothing, finish.shiftStep, finish.codes,
      finish.other?.memory ?? nothing, finish.otherCodes, finish.scales,
      Int32(lanes.geometry.passes[0].taps.count), Int32(lanes.blocks), operation: operation)
  }

  /// Weights less their zero points as `short`, `[taps][channels]`, and rows as `sum_result.cl` wants
  /// them, from the last call with the same weights.
  private func packLanes(
    of weights: CodedWeights<Value>, _ lanes: LaneLaunch
  ) throws -> [DeviceMemory] {
    let packing = LanePacking(
      channels: lanes.blocks * lanes.channels, packed: weights.packedType,
      zeroPoints: weights.zeroPoint.map { ObjectIdentifier($0.memory) })
    return try weights.codes.memory.companion(.lanes(packing)) {
      let values = try differences(of: weights).values
      let (taps, channels) = (lanes.geometry.kernelCount, lanes.geometry.groups)
      var shorts = [Int16](repeating: 0, count: taps * packing.channels)
      var rows = [Int32](repeating: 0, count: 4 * channels)
      for channel in 0..<channels {
        for tap in 0..<taps {
          let value = values[channel * taps + tap]
          shorts[tap * packing.channels + channel] = value
          rows[4 * channel + 1] += Int32(value)
        }
      }
      return Companion(
        memories: [try upload(Tensor(shorts)).memory, try uploadNumbers(rows)]
          + (weights.zeroPoint.map { [$0.memory] } ?? []))
    }.memories
  }
}
