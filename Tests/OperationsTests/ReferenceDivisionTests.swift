import CElementary
import Glibc
import OperationCases
import Testing

/// The division and square root that devices without correctly rounded ones use, in C.
@Suite struct ReferenceDivisionTests {
  /// Reciprocals as badly approximated as the text allows.
  @Test func correctionSettlesAnyApproximation() {
    var samples = SampleValues(seed: 71)
    for round in 0..<200_000 {
      let a = number(&samples, exponents: -48...48)
      let b = number(&samples, exponents: -48...48)
      let error = Float(Int32(truncatingIfNeeded: samples.next()) >> 8) * 0x1p-23
      let reciprocal = (1 / b) * (1 + error * (round % 2 == 0 ? 0x1p-22 : 0x1p-12))
      let quotient = ce_divide_by_correction(a, b, reciprocal)
      if quotient != a / b {
        Issue.record("\(a) / \(b) is \(a / b), not \(quotient)")
        return
      }
    }
  }

  @Test func integersSettleEverythingElse() {
    var samples = SampleValues(seed: 72)
    var specials: [Float] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .leastNormalMagnitude,
      .greatestFiniteMagnitude, -0x1.8p-127, 3, 0x1.fffffep-126,
    ]
    specials += (0..<400).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: samples.next())) }
    for a in specials {
      for b in specials {
        let quotient = ce_divide_in_integers(a, b)
        let expected = a / b
        if quotient.bitPattern != expected.bitPattern && !(quotient.isNaN && expected.isNaN) {
          Issue.record("\(a) / \(b) is \(expected), not \(quotient)")
          return
        }
      }
    }
  }

  /// Mantissas close to the squares of floats and of the middles between floats, which are hardest.
  @Test func squareRootsAreCorrectlyRounded() {
    var samples = SampleValues(seed: 73)
    for round in 0..<200_000 {
      var x = Float(samples.next() >> 40) * 0x1.8p-24 + 0.5
      if round % 3 > 0 {
        let root = x.squareRoot()
        let target = round % 3 == 1 ? Double(root) : Double(root) + Double(root.ulp) / 2
        x = Float(target * target)
      }
      guard x >= 0.5, x < 2 else { continue }
      let error = Float(Int32(truncatingIfNeeded: samples.next()) >> 8) * 0x1p-23 * 0x1p-12
      let approximation = x.squareRoot() * (1 + error)
      let root = ce_square_root_by_correction(x, approximation, 1 / approximation)
      if root != x.squareRoot() {
        Issue.record("the square root of \(x) is \(x.squareRoot()), not \(root)")
        return
      }
    }
  }

  private func number(_ samples: inout SampleValues, exponents: ClosedRange<Int>) -> Float {
    let bits = samples.next()
    // Mantissas of all ones and with one bit are the hard ones; a quarter of each.
    let random = UInt32(truncatingIfNeeded: bits) & 0x007f_ffff
    let mantissa = bits >> 62 == 0 ? random | 0x007f_ff00 : bits >> 62 == 1 ? random & 0xff : random
    let exponent = exponents.lowerBound + Int((bits >> 32) % UInt64(exponents.count))
    let sign: UInt32 = bits & (1 << 31) == 0 ? 0 : 1 << 31
    return Float(bitPattern: sign | UInt32(exponent + 127) << 23 | mantissa)
  }
}
