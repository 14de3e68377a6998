import OperationCases
import Operations
import Tensors
import Testing

/// Packed codes and their convolution on the reference, against arithmetic written out here.
@Suite struct ReferencePackedCodesTests {
  private let reference = ReferenceBackend.shared

  @Test(arguments: [1, 2, 4, 8]) func codesSurvivePacking(bits: Int) {
    for example in PackingCase.all where example.bits == bits {
      let packed = reference.packCodes(example.codes, zeroPoint: 0, bits: bits)
      #expect(packed.bytes.shape[3] == packed.layout.pixelBytes)
      let codes = reference.unpackCodes(
        packed, to: example.codes.elementType, shape: example.codes.shape)
      #expect(codes == example.codes, "\(example)")
    }
  }

  @Test func channelsLieAtTheirBits() {
    let codes = Tensor([1, 2, 3, 0, 3, 1] as [UInt8], shape: [1, 6, 1, 1])
    let packed = reference.packCodes(codes, zeroPoint: 1, bits: 2)
    #expect(packed.bytes == Tensor([0b00_11_10_01, 0b0111, 0, 0] as [UInt8], shape: [1, 1, 1, 4]))
    let signed = Tensor([-8, 7, 0] as [Int8], shape: [1, 3, 1, 1])
    let shifted = reference.packCodes(signed, zeroPoint: -3, bits: 4)
    #expect(shifted.bytes == Tensor([0xf0, 0x08, 0, 0] as [UInt8], shape: [1, 1, 1, 4]))
    #expect(shifted.zeroPoint == 5)
  }

  @Test func sumsAreThoseOfCodesThatWereNeverPacked() throws {
    for example in PackedConvolutionCase.all {
      #expect(try example.sums(on: reference) == example.expectedSums, "\(example)")
    }
  }

  /// Cases whose epilogue is ONNX Runtime's, composed of the operations that it is made of.
  @Test func convolutionIsSumsAndRequantization() throws {
    var composed = 0
    for example in PackedConvolutionCase.all {
      let epilogue = example.epilogue
      guard case .float(let multiplier) = epilogue.rounding, epilogue.residual == nil else {
        continue
      }
      let codes = reference.requantize(
        example.expectedSums, bias: epilogue.bias, multiplier: multiplier,
        zeroPoint: Tensor(scalar: UInt8(epilogue.zeroPoint)), axis: 1, to: .uint8)
      let range = epilogue.codes
      let clipped = codes.array(of: UInt8.self).map {
        UInt8(min(max(Int($0), range.lowerBound), range.upperBound))
      }
      let expected = reference.packCodes(
        Tensor(clipped, shape: codes.shape), zeroPoint: 0, bits: epilogue.bits)
      #expect(try example.result(on: reference) == expected.bytes, "\(example)")
      composed += 1
    }
    #expect(composed > 40)
  }

  /// Ties of every named rounding, written out.
  @Test func roundingsAtTies() {
    func codes(_ rounding: Rounding<Tensor>) -> [Int] {
      let sums = Tensor([-7, -6, -5, -3, -2, 2, 3, 5, 6, 7] as [Int32], shape: [1, 1, 1, 10])
      let epilogue = Epilogue(rounding: rounding, zeroPoint: 10, codes: 0...255)
      let packed = reference.finish(sums, epilogue)
      let bytes = packed.bytes.array(of: UInt8.self)
      return (0..<10).map { Int(bytes[$0 * packed.layout.pixelBytes]) - 10 }
    }
    #expect(
      codes(.float(multiplier: Tensor(scalar: Float(0.25)))) == [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2])
    let two = Tensor(scalar: Int32(2))
    #expect(codes(.shift(two)) == [-2, -1, -1, -1, 0, 1, 1, 1, 2, 2])
    #expect(codes(.floorShift(two)) == [-2, -2, -2, -1, -1, 0, 0, 1, 1, 1])
    #expect(
      codes(.integer(multiplier: Tensor(scalar: Int32(3)), shift: two))
        == [-5, -4, -4, -2, -1, 2, 2, 4, 5, 5])
    #expect(codes(.shift(Tensor(scalar: Int32(0)))) == [-7, -6, -5, -3, -2, 2, 3, 5, 6, 7])
  }

  /// What TensorFlow Lite's kernels of 16-bit activations and 8-bit weights make of a sum of 64 bits and a
  /// factor (tensorflow/lite/kernels/internal/common.cc, QuantizeMultiplier and
  /// MultiplyByQuantizedMultiplier): a multiplier of 31 bits cut to 16, and one rounding, half up.
  private func tensorFlowLite(_ sum: Int64, factor: Double) -> Int64 {
    var shift = Int(factor.exponent) + 1
    var multiplier = Int64((factor.significand / 2 * 0x1p31).rounded(.toNearestOrAwayFromZero))
    if multiplier == 1 << 31 { (multiplier, shift) = (1 << 30, shift + 1) }
    let reduced = multiplier < 0x7fff_0000 ? (multiplier + 1 << 15) >> 16 : 0x7fff
    let total = Int64(15 - shift)
    return (sum * reduced + 1 << (total - 1)) >> total
  }

  /// The arithmetic `round` is that of TensorFlow Lite's 16x8 kernels for factors that are powers of two.
  @Test(arguments: [1, 2, 7, 12, 20, 24]) func shiftsRoundAsTensorFlowLite(shift: Int) {
    let half = Int32(1) << Int32(shift - 1)
    let near: [Int32] = (-6...6).flatMap { steps in
      (-2...2).map { half &* steps &+ $0 }
    }
    let sums = near + [Int32.max, .min, .max - half, .min + half, 12_345_678, -87_654_321]
    let packed = reference.finish(
      Tensor(sums, shape: [1, 1, 1, sums.count]),
      Epilogue(rounding: .shift(Tensor(scalar: Int32(shift))), zeroPoint: 128, codes: 0...255))
    let bytes = packed.bytes.array(of: UInt8.self)
    let factor = Double(sign: .plus, exponent: -shift, significand: 1)
    for (place, sum) in sums.enumerated() {
      let expected = min(max(tensorFlowLite(Int64(sum), factor: factor) + 128, 0), 255)
      #expect(Int64(bytes[place * packed.layout.pixelBytes]) == expected, "\(sum) >> \(shift)")
    }
  }

  /// SADL's accumulators wrap, and are shifted and clipped afterwards.
  @Test func sumsWrapBeforeTheyAreShifted() {
    let sums = Tensor([1, -1, 0x0100_0000] as [Int32], shape: [1, 1, 1, 3])
    let epilogue = Epilogue(
      bias: Tensor([Int32.max]), rounding: .floorShift(Tensor(scalar: Int32(24))), zeroPoint: 128,
      codes: 1...255)
    let packed = reference.finish(sums, epilogue)
    let bytes = packed.bytes.array(of: UInt8.self)
    // 2^31 wraps to -2^31, -128 after the shift; 2^31 - 2 is 127; 2^31 + 2^24 - 1 is -2^31 + 2^24 - 1.
    #expect((0..<3).map { Int(bytes[$0 * 4]) - 128 } == [-127, 127, -127])
  }

  /// Products of 64 bits, within a unit of the numbers that they stand for.
  @Test func fixedPointFactorsAreTheNearest() throws {
    let one = try #require(FixedPoint(1))
    #expect(one.multiplier == 1 << 30 && one.shift == 30)
    let third = try #require(FixedPoint(1.0 / 3))
    #expect(third.multiplier == 1_431_655_765 && third.shift == 32)
    let almost = try #require(FixedPoint(0x1.ffffffffp-1))
    #expect(almost.multiplier == 1 << 30 && almost.shift == 30)
    let tiny = try #require(FixedPoint(0x1p-61))
    #expect(tiny.multiplier == 2 && tiny.shift == 62)
    #expect(FixedPoint(0) == nil && FixedPoint(-1) == nil && FixedPoint(0x1p29) == nil)
  }
}
