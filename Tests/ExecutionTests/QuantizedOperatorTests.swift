import Graph
import Tensors
import Testing

@testable import Execution

@Suite struct QuantizedOperatorTests {
  private let x = Tensor([UInt8(0), 50, 100, 150, 200, 255], shape: [1, 1, 2, 3])
  private let weights = Tensor([Int8(-3), 2, 1, 5], shape: [2, 1, 1, 2])

  /// The sums of the convolution of `x` and `weights` with zero points 128 and 0.
  private var sums: [[Int32]] {
    let codes: [[Int32]] = [[0, 50, 100], [150, 200, 255]]
    return [[-3, 2], [1, 5]].map { filter in
      codes.flatMap { row in
        (0..<2).map { (row[$0] - 128) * Int32(filter[0]) + (row[$0 + 1] - 128) * Int32(filter[1]) }
      }
    }
  }

  @Test func convIntegerSumsCodes() throws {
    let result = try compute("ConvInteger", opset: 10, [x, weights, Tensor(scalar: UInt8(128))])[0]
    #expect(result == Tensor(sums.flatMap { $0 }, shape: [1, 2, 2, 2]))
  }

  @Test func qLinearConvRequantizesEachChannel() throws {
    let scales = Tensor([Float(0.5), 0.25])
    let bias = Tensor([Int32(40), -40])
    let result = try compute(
      "QLinearConv", opset: 10,
      [
        x, Tensor(scalar: Float(0.5)), Tensor(scalar: UInt8(128)), weights, scales,
        Tensor([Int8(0), 0]), Tensor(scalar: Float(2)), Tensor(scalar: UInt8(10)), bias,
      ])[0]
    let expected = zip(sums, zip([Int32(40), -40], [Float(0.125), 0.0625])).flatMap { row, line in
      row.map { sum in
        let scaled = (Float(sum + line.0) * line.1).rounded(.toNearestOrEven)
        return UInt8(min(max(scaled + 10, 0), 255))
      }
    }
    #expect(result == Tensor(expected, shape: [1, 2, 2, 2]))
  }

  @Test func qLinearMatMulAndMatMulInteger() throws {
    let a = Tensor([UInt8(1), 2, 3, 4], shape: [2, 2])
    let b = Tensor([Int8(1), -1, 2, 0], shape: [2, 2])
    let sums = try compute("MatMulInteger", opset: 10, [a, b, Tensor(scalar: UInt8(1))])[0]
    #expect(sums == Tensor([Int32(2), 0, 8, -2], shape: [2, 2]))
    let codes = try compute(
      "QLinearMatMul", opset: 21,
      [
        a, Tensor(scalar: Float(1)), Tensor(scalar: UInt8(1)), b, Tensor([Float(1), 0.5]),
        Tensor([Int8(0), 0]), Tensor(scalar: Float(0.5)), Tensor(scalar: UInt8(100)),
      ])[0]
    #expect(codes == Tensor([UInt8(104), 100, 116, 98], shape: [2, 2]))
  }

  @Test func quantizeAndDequantizePerAxisAndBlock() throws {
    let x = Tensor([Float(1), 2, 3, 4, 5, 6, 7, 8], shape: [2, 4])
    let perRow = try compute(
      "QuantizeLinear", opset: 13, [x, Tensor([Float(1), 2]), Tensor([Int8(0), 1])],
      ["axis": .int(0)])[0]
    #expect(perRow == Tensor([Int8(1), 2, 3, 4, 3, 4, 5, 5], shape: [2, 4]))
    let blocks = Tensor([Float(1), 2, 1, 4], shape: [2, 2])
    let attributes: [String: Attribute] = [
      "axis": .int(1), "block_size": .int(2), "output_dtype": .int(22),
    ]
    let blocked = try compute("QuantizeLinear", opset: 21, [x, blocks], attributes)[0]
    #expect(
      blocked == Tensor([Int8(1), 2, 2, 2, 5, 6, 2, 2], shape: [2, 4], as: .int4))
    let back = try compute(
      "DequantizeLinear", opset: 21, [blocked, blocks], ["axis": .int(1), "block_size": .int(2)])[0]
    #expect(back == Tensor([Float(1), 2, 4, 4, 5, 6, 8, 8], shape: [2, 4]))
  }

  @Test func operatorsOfONNXRuntime() throws {
    let scale = Tensor(scalar: Float(0.5))
    let zero = Tensor(scalar: UInt8(10))
    let a = Tensor([UInt8(10), 20, 255])
    let added = try compute(
      "QLinearAdd", opset: 1, domain: "com.microsoft",
      [a, scale, zero, a, scale, zero, scale, zero])[0]
    #expect(added == Tensor([UInt8(10), 30, 255]))
    let joined = try compute(
      "QLinearConcat", opset: 1, domain: "com.microsoft",
      [Tensor(scalar: Float(1)), zero, a, scale, zero],
      ["axis": .int(0)])[0]
    #expect(joined == Tensor([UInt8(10), 15, 132]))
    let image = Tensor([UInt8(10), 20, 30, 40], shape: [1, 1, 2, 2])
    let pooled = try compute(
      "QLinearGlobalAveragePool", opset: 1, domain: "com.microsoft",
      [image, scale, zero, scale, zero])[0]
    #expect(pooled == Tensor([UInt8(25)], shape: [1, 1, 1, 1]))
    let gemm = try compute(
      "QGemm", opset: 1, domain: "com.microsoft",
      [
        Tensor([UInt8(11), 12], shape: [1, 2]), scale, zero, Tensor([Int8(1), 2], shape: [1, 2]),
        Tensor(scalar: Float(2)), Tensor(scalar: Int8(0)), Tensor([Int32(1)]),
      ], ["transB": .int(1)])[0]
    #expect(gemm == Tensor([Float(6)], shape: [1, 1]))
  }

  @Test func dynamicQuantizationHoldsZero() throws {
    let results = try compute(
      "DynamicQuantizeLinear", opset: 11, [Tensor([Float(1), 2, 255])], outputs: 3)
    #expect(results[0] == Tensor([UInt8(1), 2, 255]))
    #expect(results[1] == Tensor(scalar: Float(1)))
    #expect(results[2] == Tensor(scalar: UInt8(0)))
  }
}
