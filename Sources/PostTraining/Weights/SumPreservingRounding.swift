import Quantization

/// Rounds weights so that the sums of their errors over kernels and over channels stay below half a
/// step.
///
/// The inputs that meet one kernel are neighbouring pixels of one channel and nearly alike, so that the
/// rounding errors of the kernel leave in the output nearly their sum times such a pixel. To the
/// nearest code, that sum has a standard deviation of 0.87 steps for 3 x 3 weights. Moving the
/// weights that are nearest to a boundary to their other neighbour brings it below 0.5, at the price
/// of a little more error in single weights. The same is then done for the sum over the channel,
/// with at most one weight of a kernel. Every code is one of the two around its weight; weights
/// outside the quantizer's range stay cut off and take no part.
///
/// Method: Guo et al., SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation,
/// ICLR 2022, algorithms 1 and 2. Departing from it, a kernel takes part in the second step only
/// where its own sum has the channel's sign, so that it stays below one step.
struct SumPreservingRounding {
  /// The quantizer of the weights.
  let quantizer: Quantizer
  /// How many neighbouring weights make a kernel.
  let kernelSize: Int
  /// How many weights of the first kernel come before; not 0 where a group of weights cuts a kernel.
  var phase = 0

  /// Moves the codes of a channel's weights, or of a group of them, in memory order.
  ///
  /// - Parameters:
  ///   - codes: The nearest codes less the middle code.
  ///   - values: The weights.
  func balance(_ codes: UnsafeMutableBufferPointer<Int8>, of values: UnsafeBufferPointer<Float>) {
    var row = RoundedRow(codes, of: values, quantizer)
    guard kernelSize > 1 else { return row.balance(Array(codes.indices)) }
    let kernels = kernels(in: values.count)
    for kernel in kernels { row.balance(kernel) }
    let isPositive = row.error(of: codes.indices) > 0
    row.balance(
      kernels.filter { (row.error(of: $0) > 0) == isPositive }
        .map { row.largestError(in: $0, isPositive: isPositive) })
  }

  private func kernels(in count: Int) -> [Range<Int>] {
    var kernels: [Range<Int>] = []
    kernels.reserveCapacity(count / kernelSize + 2)
    var start = 0
    while start < count {
      let end = min(start + kernelSize - (start + phase) % kernelSize, count)
      kernels.append(start..<end)
      start = end
    }
    return kernels
  }
}

/// Weights with their codes while these are moved.
private struct RoundedRow {
  private let codes: UnsafeMutableBufferPointer<Int8>
  /// Code minus weight in steps; 0 for weights outside the range.
  private var errors: [Double]
  private let range: ClosedRange<Int>

  init(
    _ codes: UnsafeMutableBufferPointer<Int8>, of values: UnsafeBufferPointer<Float>,
    _ quantizer: Quantizer
  ) {
    let range = -(quantizer.levels / 2)...(quantizer.levels - 1 - quantizer.levels / 2)
    let (lowest, highest) = (Double(range.lowerBound), Double(range.upperBound))
    let scale = Double(quantizer.scale)
    let zeroPoint = Double(quantizer.signedZeroPoint)
    errors = [Double](unsafeUninitializedCapacity: values.count) { errors, count in
      for place in values.indices {
        let steps = Double(values[place]) / scale + zeroPoint
        let isInside = steps >= lowest && steps <= highest
        errors[place] = isInside ? Double(codes[place]) - steps : 0
      }
      count = values.count
    }
    self.codes = codes
    self.range = range
  }

  /// The sum of the errors in `places`.
  func error(of places: Range<Int>) -> Double {
    var sum = 0.0
    for place in places { sum += errors[place] }
    return sum
  }

  /// The place in `places` with the largest error of a sign; the first of equals.
  func largestError(in places: Range<Int>, isPositive: Bool) -> Int {
    var best = places.lowerBound
    for place in places
    where isPositive ? errors[place] > errors[best] : errors[place] < errors[best] {
      best = place
    }
    return best
  }

  /// Moves weights in `kernel` until the sum of their errors is at most half a step.
  mutating func balance(_ kernel: Range<Int>) {
    let error = error(of: kernel)
    for _ in 0..<Int(error.magnitude.rounded(.toNearestOrEven)) {
      guard move(largestError(in: kernel, isPositive: error > 0), isPositive: error > 0) else {
        return
      }
    }
  }

  /// Moves some of `candidates`, those with the largest errors first, until the sum of all errors is at
  /// most half a step.
  mutating func balance(_ candidates: [Int]) {
    let error = error(of: 0..<errors.count)
    let count = Int(error.magnitude.rounded(.toNearestOrEven))
    guard count > 0 else { return }
    let sign = error > 0 ? 1.0 : -1.0
    let sorted = candidates.sorted {
      (-sign * errors[$0], $0) < (-sign * errors[$1], $1)
    }
    for place in sorted.prefix(count) where !move(place, isPositive: error > 0) { return }
  }

  /// Moves a weight with an error of a sign to its other neighbour; `false` where it has none.
  private mutating func move(_ place: Int, isPositive: Bool) -> Bool {
    let step = isPositive ? 1 : -1
    guard errors[place] * Double(step) > 0, range.contains(Int(codes[place]) - step) else {
      return false
    }
    codes[place] -= Int8(step)
    errors[place] -= Double(step)
    return true
  }
}
