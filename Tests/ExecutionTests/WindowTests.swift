import Graph
import Tensors
import Testing

@testable import Execution

/// Windows of convolutions and pools: automatic and explicit padding, rounding, dilation.
@Suite struct WindowTests {
  private let ones = Tensor(repeating: Float(1), shape: [1, 1, 2])

  @Test func automaticPaddingPutsTheOddElementWhereItsNameSays() throws {
    let x = Tensor([Float(1), 2, 3], shape: [1, 1, 3])
    let upper = try compute("Conv", opset: 11, [x, ones], ["auto_pad": .string("SAME_UPPER")])[0]
    #expect(upper == Tensor([Float(3), 5, 3], shape: [1, 1, 3]))
    let lower = try compute("Conv", opset: 11, [x, ones], ["auto_pad": .string("SAME_LOWER")])[0]
    #expect(lower == Tensor([Float(1), 3, 5], shape: [1, 1, 3]))
    let valid = try compute("Conv", opset: 11, [x, ones], ["auto_pad": .string("VALID")])[0]
    #expect(valid == Tensor([Float(3), 5], shape: [1, 1, 2]))
    let strided = try compute(
      "Conv", opset: 11, [x, ones], ["auto_pad": .string("SAME_UPPER"), "strides": .ints([2])])[0]
    #expect(strided == Tensor([Float(3), 3], shape: [1, 1, 2]))
  }

  @Test func dilationGroupsAndBias() throws {
    let x = Tensor((1...10).map { Float($0) }, shape: [1, 2, 5])
    let weights = Tensor([Float(1), 1, 1, -1], shape: [2, 1, 2])
    let result = try compute(
      "Conv", opset: 22, [x, weights, Tensor([Float(100), 0])],
      ["dilations": .ints([3]), "group": .int(2), "pads": .ints([1, 0])])[0]
    #expect(result == Tensor([Float(103), 105, 107, -8, -3, -3], shape: [1, 2, 3]))
  }

  @Test func poolsRoundUpWithoutWindowsThatStartInTheBorder() throws {
    let x = Tensor([Float(1), 2, 3, 4, 5], shape: [1, 1, 5])
    let attributes: [String: Attribute] = ["kernel_shape": .ints([2]), "strides": .ints([2])]
    let up = attributes.merging(["ceil_mode": .int(1)]) { $1 }
    #expect(
      try compute("MaxPool", opset: 10, [x], attributes)[0]
        == Tensor([Float(2), 4], shape: [1, 1, 2]))
    #expect(
      try compute("MaxPool", opset: 10, [x], up)[0] == Tensor([Float(2), 4, 5], shape: [1, 1, 3]))
    #expect(
      try compute("AveragePool", opset: 10, [x], up)[0]
        == Tensor([Float(1.5), 3.5, 5], shape: [1, 1, 3]))
    let bordered = up.merging(["pads": .ints([1, 1])]) { $1 }
    #expect(
      try compute("MaxPool", opset: 10, [x], bordered)[0]
        == Tensor([Float(1), 3, 5], shape: [1, 1, 3]))
    let counted = bordered.merging(["count_include_pad": .int(1)]) { $1 }
    #expect(
      try compute("AveragePool", opset: 10, [x], counted)[0]
        == Tensor([Float(0.5), 2.5, 4.5], shape: [1, 1, 3]))
  }

  @Test func maximaTellTheirPlaces() throws {
    let x = Tensor([Float(1), 9, 9, 2, 3, 9], shape: [1, 1, 2, 3])
    let attributes: [String: Attribute] = ["kernel_shape": .ints([2, 2])]
    let rows = try compute("MaxPool", opset: 8, [x], attributes, outputs: 2)
    #expect(rows[1] == Tensor([Int64(1), 1], shape: [1, 1, 1, 2]))
    let columns = try compute(
      "MaxPool", opset: 8, [x], attributes.merging(["storage_order": .int(1)]) { $1 }, outputs: 2)
    #expect(columns[1] == Tensor([Int64(2), 2], shape: [1, 1, 1, 2]))
  }

  @Test func transposedConvolutionSettlesItsOutput() throws {
    let x = Tensor([Float(1), 2], shape: [1, 1, 2])
    let weights = Tensor([Float(1), 10, 100], shape: [1, 1, 3])
    func run(_ attributes: [String: Attribute]) throws -> [Float] {
      try compute("ConvTranspose", opset: 11, [x, weights], attributes)[0].array()
    }
    #expect(try run(["strides": .ints([2])]) == [1, 10, 102, 20, 200])
    #expect(try run(["strides": .ints([2]), "pads": .ints([1, 1])]) == [10, 102, 20])
    #expect(
      try run(["strides": .ints([2]), "pads": .ints([1, 1]), "output_padding": .ints([1])])
        == [10, 102, 20, 200])
    #expect(try run(["strides": .ints([2]), "output_shape": .ints([4])]) == [10, 102, 20, 200])
    #expect(
      try run([
        "strides": .ints([2]), "output_shape": .ints([4]), "auto_pad": .string("SAME_UPPER"),
      ]) == [1, 10, 102, 20])
  }
}
