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
    if groups.isEmpty { makeSums(elements) }
    let (y, x) = (reader.patches(of: float), reader.patches(of: quantized))
    count += y.count / reader.length
    for group in groups.indices {
      for block in groups[group].indices {
        groups[group][block].add(
          y, x, first: group * elements, length: reader.length)
      }
    }
    return true
  }

  private mutating func makeSums(_ elements: Int) {
    groups = (0..<geometry.groups).map { _ in
      FilterMoments.blocks(of: elements, taps: geometry.taps).map { range in
        let zeros = [Double](repeating: 0, count: range.count)
        let matrix = [Double](repeating: 0, count: range.count * range.count)
        return Sums(elements: range, gram: matrix, cross: matrix, float: zeros, quantized: zeros)
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
    for patch in 0..<patches {
      for place in 0..<size {
        float[place] += y[patch * length + start + place]
        quantized[place] += x[patch * length + start + place]
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
                  let origin = patch * length + start
                  let (a, b) = (x[origin + row], y[origin + row])
                  if a != 0 {
                    for column in 0..<size { gram[target + column] += a * x[origin + column] }
                  }
                  if b != 0 {
                    for column in 0..<size { cross[target + column] += b * x[origin + column] }
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
    let (y, x) = (float.map { $0 / count }, quantized.map { $0 / count })
    var (gram, cross) = (gram, cross)
    for row in 0..<size {
      for column in 0..<size {
        let place = row * size + column
        gram[place] = gram[place] / count - (isCentered ? x[row] * x[column] : 0)
        cross[place] = cross[place] / count - (isCentered ? y[row] * x[column] : 0)
      }
    }
    return FilterMoments.Block(elements: elements, gram: gram, cross: cross, means: (y, x))
  }
}
