import Quantization

/// Rounds the weights of filters so that their outputs change least: `d^T H d` for the error `d` of a
/// filter's weights and the second moments `H` of what it meets.
///
/// Two starts, the nearest codes and those of ``CompensatedRounding``, are improved weight by weight: each
/// code moves to where the error is least while the others stay, until none moves or for
/// ``sweepLimit`` sweeps. The better of the two is taken, so that the result is never worse by
/// `d^T H d` than the nearest codes are.
///
/// Methods: Frantar et al., "GPTQ", ICLR 2023; coordinate descent as in Nair and Suggala, "CDQuant",
/// 2024, without its blocks.
struct SecondOrderRounding: Sendable {
  private let blocks: [FilterMoments.Block]
  private let compensation: [CompensatedRounding]

  private static let sweepLimit = 8

  /// Prepares to round filters that meet one group of channels.
  init(_ blocks: [FilterMoments.Block]) {
    self.blocks = blocks
    compensation = blocks.map { CompensatedRounding(gram: $0.gram, count: $0.elements.count) }
  }

  /// The codes less the zero point of a filter's weights.
  func codes(of weights: [Double], _ quantizer: Quantizer) -> [Int8] {
    steps(of: weights, [SignedQuantizer(quantizer: quantizer)]).map { Int8($0) }
  }

  /// The same by quantizers of which there is one, or one for each weight.
  func steps(of weights: [Double], _ quantizers: [SignedQuantizer]) -> [Int] {
    var steps: [Int] = []
    steps.reserveCapacity(weights.count)
    for (block, compensation) in zip(blocks, compensation) {
      let own = Array(weights[block.elements])
      let places = quantizers.count == 1 ? quantizers : Array(quantizers[block.elements])
      var nearest = own.indices.map {
        places[places.count == 1 ? 0 : $0].step(of: own[$0])
      }
      var compensated = compensation.steps(of: own, places)
      let error = descend(&nearest, own, places, block.gram)
      steps += descend(&compensated, own, places, block.gram) < error ? compensated : nearest
    }
    return steps
  }

  /// Codes less the zero point that are there already, moved on to where the error is less.
  func improved(
    _ steps: [Int], of weights: [Double], _ quantizers: [SignedQuantizer]
  ) -> [Int] {
    var steps = steps
    for block in blocks {
      var own = Array(steps[block.elements])
      let places = quantizers.count == 1 ? quantizers : Array(quantizers[block.elements])
      _ = descend(&own, Array(weights[block.elements]), places, block.gram)
      steps.replaceSubrange(block.elements, with: own)
    }
    return steps
  }

  /// `H a` of a list of weights.
  func moments(times a: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: a.count)
    for block in blocks {
      let count = block.elements.count
      let first = block.elements.lowerBound
      for row in 0..<count where a[first + row] != 0 {
        for column in 0..<count {
          result[first + column] += block.gram[row * count + column] * a[first + row]
        }
      }
    }
    return result
  }

  /// `a^T H b` of two lists of weights.
  func product(_ a: [Double], _ b: [Double]) -> Double {
    var total = 0.0
    for block in blocks {
      let count = block.elements.count
      block.gram.withUnsafeBufferPointer { gram in
        for row in 0..<count where a[block.elements.lowerBound + row] != 0 {
          var sum = 0.0
          for column in 0..<count {
            sum += gram[row * count + column] * b[block.elements.lowerBound + column]
          }
          total += a[block.elements.lowerBound + row] * sum
        }
      }
    }
    return total
  }

  /// Moves codes to where the error is least; returns the error.
  private func descend(
    _ steps: inout [Int], _ weights: [Double], _ quantizers: [SignedQuantizer], _ gram: [Double]
  ) -> Double {
    let count = weights.count
    let isShared = quantizers.count == 1
    let scales = quantizers.map(\.scale)
    let ranges = quantizers.map(\.range)
    let errors = (0..<count).map { scales[isShared ? 0 : $0] * Double(steps[$0]) - weights[$0] }
    // H d, kept up to date.
    var slopes = [Double](repeating: 0, count: count)
    return gram.withUnsafeBufferPointer { gram in
      slopes.withUnsafeMutableBufferPointer { slopes in
        func add(_ change: Double, at place: Int) {
          let row = place * count
          for other in 0..<count { slopes[other] += change * gram[row + other] }
        }
        for place in 0..<count where errors[place] != 0 { add(errors[place], at: place) }
        for _ in 0..<Self.sweepLimit {
          var moves = false
          for place in 0..<count {
            let curvature = gram[place * count + place]
            guard curvature > 0 else { continue }
            let number = isShared ? 0 : place
            let scale = scales[number]
            let step = (-slopes[place] / (curvature * scale)).rounded(.toNearestOrEven)
            let old = Double(steps[place])
            let moved = min(
              max(old + step, Double(ranges[number].lowerBound)), Double(ranges[number].upperBound))
            // Half a step leaves the error as it is: that is no reason to move.
            guard moved != old, abs(slopes[place]) > abs(curvature * scale) * Self.halfStep else {
              continue
            }
            steps[place] = Int(moved)
            add(scale * (moved - old), at: place)
            moves = true
          }
          if !moves { break }
        }
        var error = 0.0
        for place in 0..<count {
          error +=
            slopes[place] * (scales[isShared ? 0 : place] * Double(steps[place]) - weights[place])
        }
        return error
      }
    }
  }

  /// A little more than half a step, so that rounding of sums moves nothing to and fro.
  private static let halfStep = 0.5 + 0x1p-20
}
