import Operations
import Tensors

extension OperationCase {
  /// Quantize, dequantize, requantize.
  public static var quantizations: [OperationCase] { scalarParameters + laidOut + requantizations }

  private static let codeTypes: [ElementType] = [
    .int2, .uint2, .int4, .uint4, .int8, .uint8, .int16, .uint16,
  ]

  private static var scalarParameters: [OperationCase] {
    var samples = SampleValues(seed: 51)
    var cases: [OperationCase] = []
    // Ties of a power of two and their neighbours, and values for a scale that is none.
    let ties = (-300...300).flatMap { step -> [Float] in
      let tie = (Float(step) + 0.5) / 8
      return [tie, tie.nextUp, tie.nextDown]
    }
    let x = Tensor(ties + [.nan, .infinity, -.infinity, 0, -0.0, 1e30, -1e30, 1e-30])
    for elementType in codeTypes {
      let zeroPoint = samples.integers([8], as: elementType)
      for index in [0, 1, 6] {
        let zero = ReferenceBackend.shared.slice(
          zeroPoint, starts: [index], steps: [1], extents: [1]
        ).reshaped(to: [])
        cases += [Float(0.125), 0.0173, 0x1p-100, 0x1p100].map {
          OperationCase(
            "scale \($0)", .quantize(.tensor, elementType), [x, Tensor(scalar: $0), zero])
        }
      }
      let codes = samples.integers([257], as: elementType)
      cases.append(
        OperationCase(
          "\(elementType)", .dequantize(.tensor),
          [
            codes, Tensor(scalar: Float(0.0173)),
            ReferenceBackend.shared.slice(
              zeroPoint, starts: [7], steps: [1], extents: [1]
            ).reshaped(to: []),
          ]))
      cases.append(
        OperationCase(
          "\(elementType), no zero point", .dequantize(.tensor),
          [codes, Tensor(scalar: Float(3))]))
    }
    cases.append(
      OperationCase(
        "int32", .dequantize(.tensor),
        [samples.integers([99], as: .int32), Tensor(scalar: Float(1e-4))]))
    cases.append(
      OperationCase(
        "no zero point", .quantize(.tensor, .uint8), [x, Tensor(scalar: Float(0.02))]))
    return cases
  }

  private static var laidOut: [OperationCase] {
    var samples = SampleValues(seed: 52)
    let layouts: [(QuantizationLayout, [Int])] = [
      (.axis(0), [3]), (.axis(1), [8]), (.axis(2), [5]), (.blocks(axis: 1, size: 4), [3, 2, 5]),
      (.blocks(axis: 1, size: 3), [3, 3, 5]), (.blocks(axis: 2, size: 5), [3, 8, 1]),
      (.blocks(axis: 0, size: 2), [2, 8, 5]),
    ]
    let x = ReferenceBackend.shared.combine(
      .multiply, samples.floats([3, 8, 5]), Tensor(scalar: Float(20)))
    return layouts.flatMap { layout, shape in
      let scale = ReferenceBackend.shared.map(.exponential, samples.floats(shape))
      let zeroPoint = samples.integers(shape, as: .int8)
      let codes = samples.integers([3, 8, 5], as: .int8)
      return [
        OperationCase("\(layout)", .quantize(layout, .int8), [x, scale, zeroPoint]),
        OperationCase("\(layout)", .dequantize(layout), [codes, scale, zeroPoint]),
      ]
    }
  }

  private static var requantizations: [OperationCase] {
    var samples = SampleValues(seed: 53)
    let sums = ReferenceBackend.shared.combine(
      .divide, samples.integers([2, 6, 3, 5], as: .int32), Tensor(scalar: Int32(20_000)))
    let bias = ReferenceBackend.shared.combine(
      .divide, samples.integers([6], as: .int32), Tensor(scalar: Int32(70_000)))
    let multipliers = ReferenceBackend.shared.combine(
      .multiply, ReferenceBackend.shared.map(.exponential, samples.floats([6])),
      Tensor(scalar: Float(0.001)))
    let extremes = Tensor(
      [.max, .min, .max - 1, 16_777_217, -16_777_217, 0] as [Int32], shape: [1, 6])
    return [
      OperationCase(
        "a multiplier a channel", .requantize(axis: 1, .uint8),
        [sums, multipliers, Tensor(scalar: UInt8(117)), bias]),
      OperationCase(
        "one multiplier, no bias", .requantize(axis: 1, .int8),
        [sums, Tensor(scalar: Float(0.0011)), Tensor(scalar: Int8(-3))]),
      OperationCase(
        "last axis", .requantize(axis: 1, .int8),
        [
          ReferenceBackend.shared.slice(
            sums, starts: [0, 0, 0, 0], steps: [1, 1, 1, 1], extents: [2, 6, 1, 1]
          ).reshaped(to: [2, 6]), multipliers, Tensor(scalar: Int8(5)), bias,
        ]),
      OperationCase(
        "ties", .requantize(axis: 0, .uint8),
        [Tensor((-20...300).map(Int32.init)), Tensor(scalar: Float(0.5)), Tensor(scalar: UInt8(7))]),
      OperationCase(
        "ends of the range", .requantize(axis: 1, .int8),
        [extremes, Tensor(scalar: Float(1e-7)), Tensor(scalar: Int8(0)), bias]),
    ]
  }
}
