import Tensors

extension PackedConvolutionCase {
  /// The cases that every backend must compute alike.
  public static let all: [PackedConvolutionCase] =
    channelCounts + productChannels + filterCounts + windows + groups + narrow + results

  private static let same = [1, 1, 1, 1]

  /// Channels that fill pixels and vectors, and that do not.
  private static let channelCounts = [1, 3, 4, 5, 17, 31, 33, 64, 65].map { channels in
    PackedConvolutionCase(
      "\(channels) channels", x: [1, channels, 6, 9], filters: 5, kernel: [3, 3], pads: same)
  }

  private static let productChannels = [1, 3, 5, 32, 65].map { channels in
    PackedConvolutionCase(
      "\(channels) channels, 1x1", x: [2, channels, 5, 7], filters: 18, kernel: [1, 1])
  }

  private static let filterCounts = [1, 7, 16, 17, 33, 64, 70].map { filters in
    PackedConvolutionCase(
      "\(filters) filters", x: [1, 8, 7, 7], as: .int8, filters: filters, kernel: [3, 3],
      pads: same, residual: filters.isMultiple(of: 7))
  }

  private static let windows = [
    PackedConvolutionCase("no image", x: [0, 3, 4, 4], filters: 2, kernel: [3, 3]),
    PackedConvolutionCase("no output", x: [1, 3, 2, 4], filters: 2, kernel: [3, 3]),
    PackedConvolutionCase(
      "7x7, stride 2, three images", x: [3, 3, 30, 33], filters: 20, kernel: [7, 7],
      strides: [2, 2], pads: [3, 3, 3, 3]),
    PackedConvolutionCase(
      "3x3 wide", x: [1, 16, 4, 61], filters: 16, kernel: [3, 3], pads: same),
    PackedConvolutionCase(
      "3x3, stride 2, wide", x: [1, 64, 5, 60], filters: 32, kernel: [3, 3], strides: [2, 2],
      pads: same),
    PackedConvolutionCase(
      "1x1, stride 2", x: [2, 40, 9, 58], filters: 33, kernel: [1, 1], strides: [2, 2]),
    PackedConvolutionCase(
      "1x1 with a border", x: [1, 32, 3, 4], filters: 8, kernel: [1, 1], pads: [0, 1, 2, 0]),
    PackedConvolutionCase(
      "border on one side, strides and dilations of each axis", x: [2, 6, 13, 22], filters: 9,
      kernel: [3, 2], strides: [1, 3], dilations: [2, 4], pads: [0, 3, 4, 0]),
    PackedConvolutionCase(
      "kernel as large as the image", x: [3, 10, 4, 5], filters: 40, kernel: [4, 5]),
    PackedConvolutionCase(
      "a border wider than the image", x: [1, 4, 2, 3], filters: 3, kernel: [5, 5],
      pads: [4, 4, 4, 4]),
    PackedConvolutionCase("rank 2 product", x: [5, 300, 1, 1], filters: 10, kernel: [1, 1]),
    PackedConvolutionCase(
      "long sums", x: [1, 520, 4, 7], filters: 40, kernel: [3, 3], pads: same),
  ]

  private static let groups = [
    PackedConvolutionCase(
      "two groups of 32", x: [1, 64, 6, 15], filters: 64, kernel: [3, 3], pads: same, groups: 2),
    PackedConvolutionCase(
      "groups of odd sizes", x: [2, 15, 6, 7], filters: 21, kernel: [3, 3], pads: same, groups: 3,
      residual: true),
    PackedConvolutionCase(
      "groups of one channel, two filters each", x: [1, 6, 8, 8], filters: 12, kernel: [3, 3],
      pads: same, groups: 6),
    PackedConvolutionCase(
      "depthwise", x: [2, 40, 9, 11], as: .int8, filters: 40, kernel: [3, 3], pads: same,
      groups: 40),
    PackedConvolutionCase(
      "depthwise, stride 2, 3 channels", x: [1, 3, 12, 13], filters: 3, kernel: [5, 5],
      strides: [2, 2], pads: [2, 1, 2, 2], groups: 3, weightsZeroPoint: [3], residual: true),
    PackedConvolutionCase(
      "depthwise, dilated, 70 channels", x: [1, 70, 9, 20], bits: 4, filters: 70, kernel: [3, 3],
      weights: .uint4, dilations: [2, 3], pads: [2, 3, 2, 3], groups: 70, weightsZeroPoint: [],
      rounding: .integer, resultBits: 4),
  ]

  /// Codes and weights of few bits, zero points of weights.
  private static let narrow: [PackedConvolutionCase] =
    fewBits + fewBitWeights + byteWeights + fewProducts

  private static let fewBits = [1, 2, 4].flatMap { bits in
    [3, 33, 65].map { channels in
      PackedConvolutionCase(
        "\(bits) bits, \(channels) channels", x: [1, channels, 6, 7],
        as: bits == 2 ? .int8 : .uint8, bits: bits, filters: 34, kernel: [3, 3], weights: .int4,
        pads: same, resultBits: bits)
    }
  }

  private static let fewBitWeights = [ElementType.int4, .uint4, .int2, .uint2].flatMap { type in
    weightsZeroPoints(filters: 19).map { text, zeroPoint in
      PackedConvolutionCase(
        "\(type) weights, zero point \(text)", x: [1, 35, 5, 8], filters: 19, kernel: [3, 3],
        weights: type, pads: same, weightsZeroPoint: zeroPoint)
    }
  }

  private static let byteWeights = [ElementType.int8, .uint8].flatMap { type in
    weightsZeroPoints(filters: 35).map { text, zeroPoint in
      PackedConvolutionCase(
        "\(type) weights, zero point \(text)", x: [1, 33, 5, 8], filters: 35, kernel: [3, 3],
        weights: type, pads: same, weightsZeroPoint: zeroPoint)
    }
  }

  private static func weightsZeroPoints(filters: Int) -> [(String, [Int]?)] {
    [("none", nil), ("of all", []), ("a filter", [filters])]
  }

  /// What can be computed by Winograd's products: 3 x 3 taps, data and weights of few bits.
  private static let fewProducts = [
    PackedConvolutionCase(
      "3x3 of 4 bits, no border, three images", x: [3, 64, 9, 12], bits: 4, filters: 32,
      kernel: [3, 3], weights: .int4, resultBits: 4, codes: 0...13),
    PackedConvolutionCase(
      "3x3 of 4 bits, border on some sides, other summand", x: [1, 96, 12, 33], as: .int8, bits: 4,
      filters: 70, kernel: [3, 3], weights: .int4, pads: [2, 0, 1, 1], residual: true),
    PackedConvolutionCase(
      "3x3 of 2 bits, a shift", x: [2, 128, 14, 14], bits: 2, filters: 64, kernel: [3, 3],
      weights: .int2, pads: same, rounding: .shift, resultBits: 2),
    PackedConvolutionCase(
      "3x3 of 4 bits, weights with a zero point", x: [1, 40, 7, 7], bits: 4, filters: 40,
      kernel: [3, 3], weights: .uint4, pads: same, weightsZeroPoint: [40]),
    PackedConvolutionCase(
      "one row and one column", x: [1, 32, 1, 1], bits: 4, filters: 32, kernel: [3, 3],
      weights: .int4, pads: same),
    PackedConvolutionCase(
      "64 levels, odd output", x: [2, 64, 7, 9], filters: 70, kernel: [3, 3], weights: .int4,
      pads: same, residual: true, maximum: 63),
    PackedConvolutionCase(
      "23 levels, weights a byte each", x: [1, 33, 8, 8], filters: 32, kernel: [3, 3],
      weights: .int8, pads: same, maximum: 22),
    PackedConvolutionCase(
      "65 levels", x: [1, 64, 8, 8], filters: 32, kernel: [3, 3], weights: .int4, pads: same,
      maximum: 64),
    PackedConvolutionCase(
      atBothEnds: "64 levels and weights of 14 at both ends", channels: 160, filters: 33),
  ]

  /// Ways of rounding, ranges of codes, widths of results, other summands.
  private static let results: [PackedConvolutionCase] = roundings + ranges

  private static let roundings = RoundingKind.allCases.flatMap { rounding in
    [true, false].flatMap { perChannel -> [PackedConvolutionCase] in
      let name = "\(rounding), \(perChannel ? "a filter" : "of all")"
      return [
        PackedConvolutionCase(
          name, x: [1, 12, 8, 15], filters: 18, kernel: [3, 3], pads: same, rounding: rounding,
          perChannel: perChannel, bias: perChannel),
        PackedConvolutionCase(
          "\(name), other summand", x: [2, 12, 8, 7], filters: 48, kernel: [1, 1],
          rounding: rounding, perChannel: perChannel, bias: !perChannel, residual: true),
      ]
    }
  }

  private static let ranges = [
    PackedConvolutionCase(
      "24 levels", x: [1, 32, 5, 9], filters: 40, kernel: [3, 3], pads: same, codes: 0...23),
    PackedConvolutionCase(
      "codes 3 to 11 in 4 bits", x: [1, 32, 5, 9], filters: 70, kernel: [3, 3], pads: same,
      resultBits: 4, codes: 3...11),
    PackedConvolutionCase(
      "3 levels in 2 bits, other summand", x: [1, 32, 5, 9], bits: 2, filters: 33,
      kernel: [3, 3], weights: .int2, pads: same, resultBits: 2, codes: 0...2, residual: true),
    PackedConvolutionCase(
      "1 bit, 300 filters", x: [1, 32, 3, 3], bits: 1, filters: 300, kernel: [3, 3], weights: .int2,
      pads: same, rounding: .shift, resultBits: 1),
    PackedConvolutionCase(
      "codes 128 to 255", x: [1, 32, 5, 9], as: .int8, filters: 32, kernel: [3, 3], pads: same,
      codes: 128...255),
    PackedConvolutionCase(largestSums: "largest sums", channels: 700, filters: 35),
  ]

  /// Products whose sums of 16 bits would overflow a word later than they are emptied, all of one
  /// sign: 8 words of 2 * 8 * 255 each, and 2 of 2 * 30 * 255 in the middle of smaller ones; and one
  /// word too large for itself.
  public static let fullSums = [
    PackedConvolutionCase(largestSums: "weights of -8", channels: 700, filters: 35) { _ in -8 },
    PackedConvolutionCase(largestSums: "weights of 1 and 30", channels: 700, filters: 35) {
      (301..<390).contains($0) ? 30 : 1
    },
    PackedConvolutionCase(largestSums: "a weight of 127 among 1", channels: 130, filters: 3) {
      65...66 ~= $0 ? 127 : 1
    },
  ]
}
