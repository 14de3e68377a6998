import Datasets
import Glibc
import Tensors

/// Super-resolution of whole pictures with a model of one input size, and its quality.
enum Enlargement {
  typealias Plane = SuperResolutionPairs.Plane

  /// Pixels of a tile's edge that see less than they should and are taken from its neighbour.
  private static let overlap = 8

  /// A picture enlarged in overlapping tiles.
  ///
  /// - Parameters:
  ///   - tile: the model's input size; a smaller picture is continued by its edge pixels.
  ///   - run: the model's output for the pixels of a tile: `[1, 1, height * s, width * s]`.
  static func enlarge(
    _ picture: Plane, tile: (height: Int, width: Int), _ name: String,
    by run: ([Float]) throws -> Tensor
  ) throws -> Plane {
    let height = max(picture.height, tile.height)
    let width = max(picture.width, tile.width)
    var scale = 0
    var values: [Double] = []
    for top in starts(height, tile.height) {
      for left in starts(width, tile.width) {
        let output = try run(pixels(of: picture, top: top, left: left, tile))
        let found = try Self.scale(of: output.shape, tile, name)
        if scale == 0 {
          scale = found
          values = [Double](repeating: 0, count: height * width * scale * scale)
        }
        let skipY = top > 0 ? overlap * scale : 0
        let skipX = left > 0 ? overlap * scale : 0
        let large = output.doubles()
        let row = tile.width * scale
        for y in skipY..<tile.height * scale {
          let target = (top * scale + y) * width * scale + left * scale
          for x in skipX..<row { values[target + x] = large[y * row + x] }
        }
      }
    }
    return cut(values, rowLength: width * scale, picture.height * scale, picture.width * scale)
  }

  /// `10 log10(255^2 / mean((a - b)^2))` on limited-range luma, without a border as wide as the
  /// scale.
  static func psnr(
    of picture: Plane, against high: Plane, from low: Plane, _ name: String
  ) throws(DataError) -> Double {
    let scale = picture.height / low.height
    let height = min(picture.height, high.height) - scale
    let width = min(picture.width, high.width) - scale
    guard height > scale, width > scale else {
      throw DataError("\(name): is too small to be compared: \(high.height)x\(high.width)")
    }
    var sum = 0.0
    for y in scale..<height {
      for x in scale..<width {
        let value = 16 + 219 * min(max(picture.values[y * picture.width + x], 0), 1)
        let difference = value - high.values[y * high.width + x]
        sum += difference * difference
      }
    }
    let mean = sum / Double((height - scale) * (width - scale))
    return 10 * log10(255 * 255 / max(mean, 1e-30))
  }

  /// Where tiles begin, the last one flush with the end.
  private static func starts(_ extent: Int, _ tile: Int) -> [Int] {
    let step = max(tile - 2 * overlap, 1)
    let regular = Array(stride(from: 0, through: extent - tile, by: step))
    return regular.last == extent - tile ? regular : regular + [extent - tile]
  }

  private static func pixels(
    of picture: Plane, top: Int, left: Int, _ tile: (height: Int, width: Int)
  ) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(tile.height * tile.width)
    for y in top..<top + tile.height {
      let row = min(y, picture.height - 1) * picture.width
      for x in left..<left + tile.width {
        values.append(Float(picture.values[row + min(x, picture.width - 1)]))
      }
    }
    return values
  }

  private static func scale(
    of shape: [Int], _ tile: (height: Int, width: Int), _ name: String
  ) throws(DataError) -> Int {
    guard shape.count == 4, shape[0] == 1, shape[1] == 1, shape[2] % tile.height == 0,
      shape[2] / tile.height == shape[3] / tile.width, shape[3] % tile.width == 0, shape[2] > 0
    else {
      throw DataError(
        "\(name): the model's output has shape \(shape), which is no enlargement of "
          + "\(tile.height)x\(tile.width)")
    }
    return shape[2] / tile.height
  }

  private static func cut(
    _ values: [Double], rowLength: Int, _ height: Int, _ width: Int
  ) -> Plane {
    let inside = (0..<height).flatMap { values[$0 * rowLength..<$0 * rowLength + width] }
    return Plane(height: height, width: width, values: inside)
  }
}
