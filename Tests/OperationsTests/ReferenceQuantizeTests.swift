import Operations
import Tensors
import Testing

/// Quantization on the reference against its definition, in exact arithmetic.
@Suite struct ReferenceQuantizeTests {
  private let reference = ReferenceBackend.shared
  private static let codeTypes: [ElementType] = [
    .int2, .uint2, .int4, .uint4, .int8, .uint8, .int16, .uint16,
  ]

  /// Every code, every tie and both of a tie's neighbours, for a scale of 1/4 and several zero points.
  @Test(arguments: codeTypes)
  func everyCodeAndEveryTieRoundsHalfToEven(of elementType: ElementType) throws {
    let range = try #require(elementType.integerRange)
    let step = elementType.byteCount == 2 ? 251 : 1
    for zeroPoint in [
      range.lowerBound, (range.lowerBound + range.upperBound) / 2, range.upperBound,
    ] {
      var values: [Float] = []
      var expected: [Int] = []
      for code in stride(from: range.lowerBound - 2, through: range.upperBound + 2, by: step) {
        let steps = code - zeroPoint
        let exact = Float(steps) / 4
        let tie = (Float(steps) + 0.5) / 4
        values += [exact, tie.nextDown, tie, tie.nextUp]
        let even = steps.isMultiple(of: 2) ? steps : steps + 1
        expected += [steps, steps, even, steps + 1].map {
          min(max($0 + zeroPoint, range.lowerBound), range.upperBound)
        }
      }
      values += [.nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude]
      expected += [zeroPoint, range.upperBound, range.lowerBound, zeroPoint, zeroPoint]
      let codes = reference.quantize(
        Tensor(values), scale: Tensor(scalar: Float(0.25)),
        zeroPoint: tensor([zeroPoint], elementType),
        layout: .tensor, to: elementType)
      #expect(codes.elementType == elementType)
      #expect(integers(codes) == expected)
    }
  }

  @Test(arguments: codeTypes)
  func codesSurviveDequantization(of elementType: ElementType) throws {
    let range = try #require(elementType.integerRange)
    let codes = tensor(Array(range), elementType).reshaped(to: [range.count])
    let zeroPoint = tensor([range.lowerBound + 1], elementType)
    let scale = Tensor(scalar: Float(0.1))
    let values = reference.dequantize(codes, scale: scale, zeroPoint: zeroPoint, layout: .tensor)
    #expect(
      values.array(of: Float.self) == range.map { Float($0 - range.lowerBound - 1) * Float(0.1) })
    #expect(
      reference.quantize(
        values, scale: scale, zeroPoint: zeroPoint, layout: .tensor, to: elementType) == codes)
  }

  @Test(arguments: [
    (QuantizationLayout.axis(0), [2]), (.axis(1), [5]), (.axis(2), [3]),
    (.blocks(axis: 1, size: 2), [2, 3, 3]), (.blocks(axis: 1, size: 5), [2, 1, 3]),
    (.blocks(axis: 2, size: 1), [2, 5, 3]), (.blocks(axis: 0, size: 2), [1, 5, 3]),
  ])
  func parametersLieAsTheLayoutSays(_ layout: QuantizationLayout, _ shape: [Int]) {
    let extents = [2, 5, 3]
    let x = Tensor((0..<30).map { Float($0 * $0 % 37) - 15 }, shape: extents)
    let count = shape.reduce(1, *)
    let scales = (0..<count).map { 0.25 + 0.5 * Float($0 % 4) }
    let zeros = (0..<count).map { $0 % 7 }
    func parameter(_ index: [Int]) -> Int {
      switch layout {
      case .tensor: return 0
      case .axis(let axis): return index[axis]
      case .blocks(let axis, let size):
        var block = index
        block[axis] /= size
        return (block[0] * shape[1] + block[1]) * shape[2] + block[2]
      }
    }
    let indices = (0..<30).map { [$0 / 15, $0 / 3 % 5, $0 % 3] }
    let codes = reference.quantize(
      x, scale: Tensor(scales, shape: shape), zeroPoint: tensor(zeros, .uint8).reshaped(to: shape),
      layout: layout, to: .uint8)
    let expected = zip(indices, x.array(of: Float.self)).map { index, value in
      let steps = (value / scales[parameter(index)]).rounded(.toNearestOrEven)
      return min(max(Int(steps) + zeros[parameter(index)], 0), 255)
    }
    #expect(integers(codes) == expected)
    let values = reference.dequantize(
      codes, scale: Tensor(scales, shape: shape),
      zeroPoint: tensor(zeros, .uint8).reshaped(to: shape),
      layout: layout)
    #expect(
      values.array(of: Float.self)
        == zip(indices, expected).map { index, code in
          Float(code - zeros[parameter(index)]) * scales[parameter(index)]
        })
  }

  @Test func requantizationRoundsTheSumOnce() {
    // 3 * 0.5 = 1.5 and 5 * 0.5 = 2.5 are ties; the last channel's sums leave the range.
    let sums = Tensor([3, 5, -3, -5, 100, -100, .max, .min] as [Int32], shape: [1, 4, 2])
    let codes = reference.requantize(
      sums, bias: Tensor([0, 0, 0, 0] as [Int32]), multiplier: Tensor([0.5, 0.5, 2, 1] as [Float]),
      zeroPoint: Tensor(scalar: Int8(-1)), axis: 1, to: .int8)
    #expect(codes.array(of: Int8.self) == [1, 1, -3, -3, 127, -128, 127, -128])
    let biased = reference.requantize(
      sums, bias: Tensor([1, 0, 28, 0] as [Int32]), multiplier: Tensor(scalar: Float(0.5)),
      zeroPoint: Tensor(scalar: UInt8(10)), axis: 1, to: .uint8)
    #expect(biased.array(of: UInt8.self) == [12, 13, 8, 8, 74, 0, 255, 0])
  }

  private func tensor(_ values: [Int], _ elementType: ElementType) -> Tensor {
    reference.cast(
      Tensor(values.map(Int64.init), shape: values.count == 1 ? [] : nil), to: elementType)
  }

  private func integers(_ x: Tensor) -> [Int] {
    reference.cast(x, to: .int64).array(of: Int64.self).map(Int.init)
  }
}
