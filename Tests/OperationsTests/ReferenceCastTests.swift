import OperationCases
import Operations
import Tensors
import Testing

/// Conversions against the definition of each pair of kinds, and 16-bit formats exhaustively.
@Suite struct ReferenceCastTests {
  private let reference = ReferenceBackend.shared

  @Test(arguments: zip(OperationCase.casts, OperationCase.casts.indices))
  func everyPairOfTypesConverts(_ example: OperationCase, _ number: Int) throws {
    guard case .cast(let target) = example.operation else { return }
    let x = example.inputs[0]
    let result = try example.result(on: reference)
    #expect(result.elementType == target)
    if x.elementType.isFloatingPoint, let range = target.integerRange {
      let values = doubles(x)
      let expected = values.map { value -> Double in
        if value.isNaN { return 0 }
        let highest = target == .uint64 ? 0x1p64 : Double(range.upperBound)
        return min(max(value.rounded(.towardZero), Double(range.lowerBound)), highest)
      }
      #expect(doubles(result) == expected)
    } else if target == .bool {
      #expect(result.array(of: Bool.self) == doubles(x).map { $0 != 0 })
    } else if target.isInteger, x.elementType != .uint64, target != .uint64 {
      let bits = target.bitCount
      let values = reference.cast(x, to: .int64).array(of: Int64.self)
      let expected = values.map { value -> Int64 in
        let low = value << (64 - Int64(bits))
        let isSigned = (target.integerRange?.lowerBound ?? 0) < 0
        return isSigned
          ? low >> (64 - Int64(bits))
          : Int64(bitPattern: UInt64(bitPattern: low) >> (64 - UInt64(bits)))
      }
      #expect(reference.cast(result, to: .int64).array(of: Int64.self) == expected)
    }
  }

  private func doubles(_ x: Tensor) -> [Double] {
    reference.cast(x, to: .float64).array(of: Double.self)
  }

  /// Every finite value of a 16-bit format survives; what lies between two goes to the nearer one,
  /// half way to the even one.
  @Test(arguments: [ElementType.float16, .bfloat16])
  func sixteenBitFormatsRoundHalfToEven(_ format: ElementType) {
    let infinity: UInt16 = format == .float16 ? 0x7c00 : 0x7f80
    let patterns = Array(0..<infinity)
    let exact = doubles(Tensor(patterns, as: format))
    #expect(zip(exact, exact.dropFirst()).allSatisfy { $0 < $1 })
    // The value after the largest, were there one.
    let next = exact + [2 * exact[exact.count - 1] - exact[exact.count - 2]]
    for sign in [1.0, -1.0] {
      let signBit: UInt16 = sign < 0 ? 0x8000 : 0
      var values: [Double] = []
      var expected: [UInt16] = []
      for i in exact.indices {
        let middle = (exact[i] + next[i + 1]) / 2
        values += [sign * exact[i], sign * middle, sign * middle.nextDown, sign * middle.nextUp]
        let even = patterns[i] & 1 == 0 ? patterns[i] : patterns[i] + 1
        expected += [patterns[i], even, patterns[i], patterns[i] + 1].map { $0 | signBit }
      }
      let rounded = reference.cast(Tensor(values), to: format).array(of: UInt16.self)
      #expect(rounded == expected)
      // Through float32, where the neighbours of the middle are other numbers.
      let floats = values.enumerated().filter { $0.offset % 4 < 2 }.map { Float($0.element) }
      let throughFloat = reference.cast(Tensor(floats), to: format).array(of: UInt16.self)
      #expect(
        zip(throughFloat, expected.enumerated().filter { $0.offset % 4 < 2 }.map(\.element))
          .allSatisfy { $0 == $1 })
    }
  }

  @Test func integersRoundOnceToSixteenBits() {
    // 2^24 + 2^16 + 1 lies just above a tie of bfloat16; through float32 it would fall on it.
    let values: [Int64] = [16_842_753, -16_842_753, 16_842_752, 65519, 65520, -70000, 2049, 2051]
    let x = Tensor(values)
    #expect(
      doubles(reference.cast(x, to: .bfloat16))
        == [16_908_288, -16_908_288, 16_777_216, 65536, 65536, -70144, 2048, 2048])
    #expect(
      doubles(reference.cast(x, to: .float16))
        == [.infinity, -.infinity, .infinity, 65504, .infinity, -.infinity, 2048, 2052])
    let large: [Int64] = [(1 << 62) + (1 << 54) + 1, (1 << 62) + (1 << 54)]
    #expect(
      doubles(reference.cast(Tensor(large), to: .bfloat16)) == [0x1.02p62, 0x1p62])
  }
}
