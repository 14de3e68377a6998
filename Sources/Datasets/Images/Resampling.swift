import Glibc

/// Bilinear resizing with antialiasing: a triangle filter that grows with the reduction, applied
/// along rows, then along columns, each pass rounded to 8 bits.
///
/// This is what Pillow's `Image.resize(size, BILINEAR)` computes, in the same 22-bit fixed point, so
/// that accuracies agree with those of Python pipelines.
struct BilinearFilter {
  /// For each output position, the first input position and its share of the weights.
  let spans: [(first: Int, weights: ArraySlice<Int>)]

  private static let precision = 22

  /// Weights for `outputCount` positions from `inputCount`.
  init(from inputCount: Int, to outputCount: Int) {
    let step = Double(inputCount) / Double(outputCount)
    let width = max(step, 1)
    spans = (0..<outputCount).map { position in
      let centre = (Double(position) + 0.5) * step
      let first = max(Int(centre - width + 0.5), 0)
      let end = min(Int(centre + width + 0.5), inputCount)
      var weights = (first..<end).map { input in
        max(0, 1 - abs((Double(input) - centre + 0.5) * (1 / width)))
      }
      let sum = weights.reduce(0, +)
      if sum != 0 { weights = weights.map { $0 / sum } }
      let fixed = weights.map { Int(0.5 + $0 * Double(1 << Self.precision)) }
      return (first, fixed[...])
    }
  }

  /// Applies the filter to `lines` lines of samples that lie `stride` apart.
  ///
  /// - Parameters:
  ///   - lineStart: the index of the first sample of a line in the input.
  ///   - outputStart: the same in the output.
  func apply(
    _ input: [UInt8], into output: inout [UInt8], lines: Int, stride: Int,
    lineStart: (Int) -> Int, outputStart: (Int) -> Int
  ) {
    for line in 0..<lines {
      let start = lineStart(line)
      var target = outputStart(line)
      for span in spans {
        var sum = 1 << (Self.precision - 1)
        var source = start + span.first * stride
        for weight in span.weights {
          sum += Int(input[source]) * weight
          source += stride
        }
        output[target] = UInt8(min(max(sum >> Self.precision, 0), 255))
        target += stride
      }
    }
  }
}

extension Image {
  /// The image at another size.
  func resized(to size: DataSpecification.Size) -> Image {
    var current = self
    if size.width != width {
      var result = [UInt8](repeating: 0, count: height * size.width * channels)
      BilinearFilter(from: width, to: size.width).apply(
        pixels, into: &result, lines: height * channels, stride: channels,
        lineStart: { $0 / channels * width * channels + $0 % channels },
        outputStart: { $0 / channels * size.width * channels + $0 % channels })
      current = Image(height: height, width: size.width, channels: channels, pixels: result)
    }
    if size.height != height {
      let row = size.width * channels
      var result = [UInt8](repeating: 0, count: size.height * row)
      BilinearFilter(from: height, to: size.height).apply(
        current.pixels, into: &result, lines: row, stride: row, lineStart: { $0 },
        outputStart: { $0 })
      current = Image(
        height: size.height, width: size.width, channels: channels, pixels: result)
    }
    return current
  }

  /// The image as `resize` asks for it.
  func resized(_ resize: DataSpecification.Resize) -> Image {
    resized(to: Self.size(of: (height, width), after: resize))
  }

  /// The size that `resize` gives an image.
  static func size(
    of size: (height: Int, width: Int), after resize: DataSpecification.Resize
  ) -> DataSpecification.Size {
    switch resize {
    case .exactly(let size): return size
    case .shortSide(let side):
      let ratio = side.value / Double(min(size.height, size.width))
      func scaled(_ extent: Int) -> Int {
        max(1, Int((Double(extent) * ratio).rounded(.toNearestOrEven)))
      }
      return .init(height: scaled(size.height), width: scaled(size.width))
    }
  }
}
