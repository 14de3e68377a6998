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
    var codes: [Int8] = []
    codes.reserveCapacity(weights.count)
    for (block, compensation) in zip(blocks, compensation) {
      let own = Array(weights[block.elements])
      var nearest = own.map { Int8(quantizer.code(of: Float($0)) - quantizer.zeroPoint) }
      var compensated = compensation.codes(of: own, quantizer)
      let error = descend(&nearest, own, quantizer, block.gram)
      codes += descend(&compensated, own, quantizer, block.gram) < error ? compensated : nearest
    }
    return codes
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
    _ codes: inout [Int8], _ weights: [Double], _ quantizer: Quantizer, _ gram: [Double]
  ) -> Double {
    let count = weights.count
    let scale = Double(quantizer.scale)
    let (lowest, highest) = (
      Double(-quantizer.zeroPoint), Double(quantizer.levels - 1 - quantizer.zeroPoint)
    )
    let errors = zip(codes, weights).map { scale * Double($0) - $1 }
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
            let code = Double(codes[place])
            let step = (-slopes[place] / (curvature * scale)).rounded(.toNearestOrEven)
            let moved = min(max(code + step, lowest), highest)
            // Half a step leaves the error as it is: that is no reason to move.
            guard moved != code, abs(slopes[place]) > curvature * scale * Self.halfStep else {
              continue
            }
            codes[place] = Int8(moved)
            add(scale * (moved - code), at: place)
            moves = true
          }
          if !moves { break }
        }
        var error = 0.0
        for place in 0..<count {
          error += slopes[place] * (scale * Double(codes[place]) - weights[place])
        }
        return error
      }
    }
  }

  /// A little more than half a step, so that rounding of sums moves nothing to and fro.
  private static let halfStep = 0.5 + 0x1p-20
}
