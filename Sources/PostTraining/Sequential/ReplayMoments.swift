import Calibration
import Operations
import Tensors

/// Second moments of what a layer's filters meet in the network that is quantized so far, and of that with
/// what they meet in the float network, patch by patch.
struct ReplayMoments {
  private let geometry: PatchGeometry
  private let samples: Int
  private var count = 0
  private var groups: [[Sums]] = []

  /// Sums over patches of a block of weights.
  fileprivate struct Sums {
    let elements: Range<Int>
    /// The first patch, float and quantized. Sums are of differences from it: those of data that hardly
    /// vary lose nothing to their mean, and those of data that do not are 0.
    let origin: (float: [Double], quantized: [Double])
    /// Of `x x^T` and `y x^T`, of quantized data `x` and float data `y`, row after row.
    var gram: [Double]
    var cross: [Double]
    var float: [Double]
    var quantized: [Double]
  }

  /// Patches over all samples, and more where a block has many weights.
  private static let patchTarget = 4096

  /// - Parameter samples: How many samples will come.
  init(_ geometry: PatchGeometry, samples: Int) {
    self.geometry = geometry
    self.samples = samples
  }

  /// Adds the patches of some samples; those of a sample and of a weight are added in order, so that
  /// sums do not depend on batches.
  ///
  /// - Returns: Whether the values have such patches.
  mutating func add(float: Tensor, quantized: Tensor, samples batch: Int) -> Bool {
    let channels = geometry.channelAxis == .last ? float.shape.last ?? 0 : float.shape[1]
    let elements = channels / geometry.groups * geometry.taps
    let target = max(Self.patchTarget, 8 * min(elements, FilterMoments.blockLimit))
    guard float.shape == quantized.shape,
      let reader = PatchReader(
        geometry, shape: float.shape, samples: batch,
        limit: min((target + samples - 1) / samples, 256))
    else { return false }
    // One image after the other: patches take far more memory than the values.
    for image in 0..<reader.images {
      let y = reader.patches(of: float, image: image)
      let x = reader.patches(of: quantized, image: image)
      if groups.isEmpty { makeSums(elements, y, x) }
      count += y.count / reader.length
      for group in groups.indices {
        for block in groups[group].indices {
          groups[group][block].add(
            y, x, first: group * elements, length: reader.length)
        }
      }
    }
    return true
  }

  private mutating func makeSums(_ elements: Int, _ y: [Double], _ x: [Double]) {
    groups = (0..<geometry.groups).map { group in
      FilterMoments.blocks(of: elements, taps: geometry.taps).map { range in
        let zeros = [Double](repeating: 0, count: range.count)
        let matrix = [Double](repeating: 0, count: range.count * range.count)
        let places = (group * elements + range.lowerBound)..<(group * elements + range.upperBound)
        return Sums(
          elements: range, origin: (Array(y[places]), Array(x[places])), gram: matrix,
          cross: matrix, float: zeros, quantized: zeros)
      }
    }
  }

  /// The moments.
  ///
  /// - Parameter isCentered: Whether the mean of an error does not count, because the bias takes it back.
  func moments(isCentered: Bool) -> FilterMoments {
    FilterMoments(
      groups: groups.map { $0.map { $0.block(count: Double(max(count, 1)), isCentered) } })
  }
}

extension ReplayMoments.Sums {
  /// Adds patches of `length` numbers, of which the block's begin at `first`.
  fileprivate mutating func add(_ y: [Double], _ x: [Double], first: Int, length: Int) {
    let (start, size) = (first + elements.lowerBound, elements.count)
    let patches = y.count / length
    // The block's part of every patch, less the first patch.
    let y = (0..<patches * size).map {
      y[$0 / size * length + start + $0 % size] - origin.float[$0 % size]
    }
    let x = (0..<patches * size).map {
      x[$0 / size * length + start + $0 % size] - origin.quantized[$0 % size]
    }
    for patch in 0..<patches {
      for place in 0..<size {
        float[place] += y[patch * size + place]
        quantized[place] += x[patch * size + place]
      }
    }
    // Small blocks are not worth a thread.
    let rows = size > 64 ? 16 : size
    gram.withUnsafeMutableBufferPointer { gram in
      cross.withUnsafeMutableBufferPointer { cross in
        y.withUnsafeBufferPointer { y in
          x.withUnsafeBufferPointer { x in
            concurrently((size + rows - 1) / rows) { chunk in
              for row in chunk * rows..<min((chunk + 1) * rows, size) {
                let target = row * size
                for patch in 0..<patches {
                  let first = patch * size
                  let (a, b) = (x[first + row], y[first + row])
                  if a != 0 {
                    for column in 0..<size { gram[target + column] += a * x[first + column] }
                  }
                  if b != 0 {
                    for column in 0..<size { cross[target + column] += b * x[first + column] }
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  fileprivate func block(count: Double, _ isCentered: Bool) -> FilterMoments.Block {
    let size = elements.count
    let (dy, dx) = (float.map { $0 / count }, quantized.map { $0 / count })
    let y = zip(origin.float, dy).map(+)
    let x = zip(origin.quantized, dx).map(+)
    var (gram, cross) = (gram, cross)
    for row in 0..<size {
      for column in 0..<size {
        let place = row * size + column
        // About the means, and back to 0 where they count.
        gram[place] = gram[place] / count - dx[row] * dx[column]
        cross[place] = cross[place] / count - dy[row] * dx[column]
        if !isCentered {
          gram[place] += x[row] * x[column]
          cross[place] += y[row] * x[column]
        }
      }
    }
    var block = FilterMoments.Block(elements: elements, gram: gram, cross: cross, means: (y, x))
    if isCentered {
      block.removeNoise(
        squares: (0..<size).map { gram[$0 * size + $0] + x[$0] * x[$0] },
        resolution: Self.resolution)
    }
    return block
  }

  /// The part of its mean square below which the variance of a value is rounding: of floats from sums
  /// of many products, whose errors are about 2^-20 of them.
  private static var resolution: Double { 0x1p-40 }
}
