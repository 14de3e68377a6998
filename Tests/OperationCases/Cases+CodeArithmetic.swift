import Operations
import Tensors

extension OperationCase {
  /// Tables, sums, products and pools of codes.
  public static var codeArithmetic: [OperationCase] { codeMaps + codeCombinations + codePools }

  private static var codeMaps: [OperationCase] {
    var samples = SampleValues(seed: 31)
    let shared = samples.codes([256], as: .uint8)
    let perChannel = samples.codes([5, 256], as: .uint8)
    return [
      OperationCase(
        "one table", .mapCodes(.uint8, axis: 0, channels: 3),
        [samples.codes([3, 5, 7], as: .uint8), shared]),
      OperationCase(
        "signed codes, a table a channel", .mapCodes(.int8, axis: 1, channels: 5),
        [samples.codes([3, 5, 7], as: .int8), perChannel]),
      OperationCase(
        "channels last", .mapCodes(.uint8, axis: 2, channels: 5),
        [samples.codes([2, 9, 5], as: .int8), perChannel]),
      OperationCase(
        "packed pixels with padding", .mapCodes(.uint8, axis: 3, channels: 5),
        [samples.codes([2, 40, 150, 32], as: .uint8), perChannel]),
      OperationCase(
        "one table, padding", .mapCodes(.uint8, axis: 3, channels: 3),
        [samples.codes([1, 3, 3, 4], as: .uint8), shared]),
      OperationCase(
        "nothing", .mapCodes(.uint8, axis: 1, channels: 5),
        [samples.codes([0, 5], as: .uint8), perChannel]),
    ]
  }

  private static var codeCombinations: [OperationCase] {
    var samples = SampleValues(seed: 32)
    // Ties between codes occur: the units are the result's, or half of it.
    let combinations: [CodeCombination] = [
      .float(.add, aUnit: 0.1, bUnit: 0.05), .float(.multiply, aUnit: 0.1, bUnit: 0.05),
      .sum(
        CodeTerm(multiplier: 3 << 27), CodeTerm(multiplier: 1 << 28),
        CodeShift(29, roundsHalfUp: true)),
      .sum(
        CodeTerm(multiplier: 2), CodeTerm(shift: 3, multiplier: 2),
        CodeShift(1, roundsHalfUp: false)),
      .product(multiplier: .max, CodeShift(37, roundsHalfUp: true)),
      .product(multiplier: 1, CodeShift(0, roundsHalfUp: false)),
    ]
    return combinations.flatMap { combination in
      [(3, 17, 130), (40, 5, 7), (100, 1, 1)].flatMap { channels, height, width in
        [false, true].map { isPixel in
          let shapes = [[2, channels, height, width], isPixel ? [2, channels, 1, 1] : nil]
          let operands = shapes.map { shape in
            samples.codes(shape ?? [2, channels, height, width], as: .uint8)
          }
          var scale: Float = 0.1
          if case .float(.multiply, _, _) = combination { scale = 0.5 }
          return OperationCase(
            "\(channels) channels\(isPixel ? ", one pixel" : "")",
            .combineCodes(
              combination, zeroPoints: [120, 90],
              CodeScaling(scale: scale, zeroPoint: 77, codes: isPixel ? 0...22 : 3...255)),
            operands)
        }
      }
    }
  }

  private static var codePools: [OperationCase] {
    var samples = SampleValues(seed: 33)
    let result = CodeScaling(scale: 0.1, zeroPoint: 5)
    let windows: [(Window, [Int])] = [
      (Window(kernel: [2, 2], strides: [2, 2]), [5, 4]),
      (
        Window(
          kernel: [3, 2], strides: [2, 1], dilations: [1, 2], padBefore: [1, 0], padAfter: [1, 1]),
        [6, 8]
      ),
      // ceil_mode: windows that begin on the border.
      (Window(kernel: [3, 3], strides: [3, 3], padBefore: [1, 1], padAfter: [1, 1]), [4, 4]),
      (Window(kernel: [11, 9]), [1, 1]),
    ]
    return windows.flatMap { window, extents in
      [3, 40].flatMap { channels in
        [
          CodePooling.Function.maximum, .average(unit: 0.1, result, countsBorder: false),
          .average(unit: 0.07, result, countsBorder: true), .mean(unit: 0.1, result),
          .quotient(
            FixedPoint(multiplier: 1 << 30, shift: 30), roundsHalfUp: true, result,
            countsBorder: false),
          .quotient(
            FixedPoint(multiplier: 1_503_238_553, shift: 31), roundsHalfUp: false, result,
            countsBorder: true),
        ].map { function in
          OperationCase(
            "\(channels) channels, kernel \(window.kernel)",
            .poolCodes(
              CodePooling(function, window: window, outputExtents: extents), zeroPoint: 130),
            [samples.codes([2, channels, 11, 9], as: .uint8)])
        }
      }
    }
  }
}
