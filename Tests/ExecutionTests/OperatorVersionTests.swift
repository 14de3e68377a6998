import Graph
import Tensors
import Testing

@testable import Execution

/// Operators whose meaning or form changed between operator sets 7 and 25.
@Suite struct OperatorVersionTests {
  @Test func softmaxJoinsAxesBeforeVersion13() throws {
    let x = Tensor(repeating: Float(1), shape: [2, 3, 4])
    let joined = try compute("Softmax", opset: 12, [x])[0]
    #expect(joined == Tensor(repeating: Float(1) / 12, shape: [2, 3, 4]))
    let single = try compute("Softmax", opset: 13, [x])[0]
    #expect(single == Tensor(repeating: Float(0.25), shape: [2, 3, 4]))
    let first = try compute("Softmax", opset: 13, [x], ["axis": .int(0)])[0]
    #expect(first == Tensor(repeating: Float(0.5), shape: [2, 3, 4]))
  }

  @Test func clipTakesAttributesThenInputs() throws {
    let x = Tensor([Float(-2), 0.5, 9])
    let expected = Tensor([Float(-1), 0.5, 6])
    #expect(
      try compute("Clip", opset: 7, [x], ["min": .float(-1), "max": .float(6)]) == [expected])
    let bounds = [Tensor(scalar: Float(-1)), Tensor(scalar: Float(6))]
    #expect(try compute("Clip", opset: 11, [x] + bounds) == [expected])
    #expect(
      try compute("Clip", opset: 13, [x, nil, bounds[1]]) == [Tensor([Float(-2), 0.5, 6])])
    #expect(
      message(.unsupported) {
        _ = try compute("Clip", opset: 11, [x], ["min": .float(-1)])
      }?.contains("'min'") == true)
  }

  @Test func clipOf64BitIntegersIsExact() throws {
    let large = Int64.max - 1
    let x = Tensor([large, Int64.max, 0])
    let bound = Tensor(scalar: large)
    #expect(try compute("Clip", opset: 13, [x, nil, bound]) == [Tensor([large, large, 0])])
  }

  @Test func axesMoveFromAttributesToInputs() throws {
    let x = counting([1, 2, 1, 3])
    let axes = Tensor([Int64(0), 2])
    let attribute = ["axes": Attribute.ints([0, 2])]
    #expect(try compute("Squeeze", opset: 11, [x], attribute)[0].shape == [2, 3])
    #expect(try compute("Squeeze", opset: 13, [x, axes])[0].shape == [2, 3])
    #expect(try compute("Squeeze", opset: 13, [x])[0].shape == [2, 3])
    #expect(try compute("Unsqueeze", opset: 11, [x], attribute)[0].shape == [1, 1, 1, 2, 1, 3])
    #expect(try compute("Unsqueeze", opset: 13, [x, axes])[0].shape == [1, 1, 1, 2, 1, 3])
    let sum = Tensor([Float(3), 5, 7])
    let one = ["axes": Attribute.ints([1]), "keepdims": .int(0)]
    #expect(try compute("ReduceSum", opset: 12, [x], one)[0] == sum.reshaped(to: [1, 1, 3]))
    #expect(
      try compute("ReduceSum", opset: 13, [x, Tensor([Int64(1)])], ["keepdims": .int(0)])[0]
        == sum.reshaped(to: [1, 1, 3]))
    let mean = Tensor([Float(1.5), 2.5, 3.5]).reshaped(to: [1, 1, 3])
    #expect(try compute("ReduceMean", opset: 17, [x], one)[0] == mean)
    #expect(
      try compute("ReduceMean", opset: 18, [x, Tensor([Int64(1)])], ["keepdims": .int(0)])[0]
        == mean)
    #expect(
      message(.unsupported) { _ = try compute("ReduceMean", opset: 18, [x], one) }?
        .contains("opset 18") == true)
  }

  @Test func sliceTakesAttributesThenInputs() throws {
    let x = counting([2, 5])
    let expected = Tensor([Float(1), 2, 3, 6, 7, 8], shape: [2, 3])
    #expect(
      try compute(
        "Slice", opset: 9, [x], ["axes": .ints([1]), "starts": .ints([1]), "ends": .ints([-1])])
        == [expected])
    let inputs = [x] + [[1], [-1], [1], [1]].map { Tensor([Int64($0[0])]) }
    #expect(try compute("Slice", opset: 10, inputs) == [expected])
    let backwards = [x] + [[4], [Int.min], [1], [-2]].map { Tensor([Int64($0[0])]) }
    #expect(
      try compute("Slice", opset: 13, backwards) == [
        Tensor([Float(4), 2, 0, 9, 7, 5], shape: [2, 3])
      ])
  }

  @Test func padTakesAttributesThenInputs() throws {
    let x = counting([1, 2])
    let expected = Tensor([Float(7), 0, 1, 7], shape: [1, 4])
    #expect(
      try compute("Pad", opset: 2 + 5, [x], ["pads": .ints([0, 1, 0, 1]), "value": .float(7)])
        == [expected])
    let pads = Tensor([Int64(0), 1, 0, 1])
    #expect(try compute("Pad", opset: 13, [x, pads, Tensor(scalar: Float(7))]) == [expected])
    let narrow = [x, Tensor([Int64(1), 1]), Tensor(scalar: Float(7)), Tensor([Int64(-1)])]
    #expect(try compute("Pad", opset: 18, narrow) == [expected])
  }

  @Test func splitCutsEvenlyOrAsStated() throws {
    let x = counting([7])
    let shapes = try compute("Split", opset: 18, [x], ["num_outputs": .int(3)], outputs: 3).map(
      \.shape)
    #expect(shapes == [[3], [3], [1]])
    #expect(message(.invalid) { _ = try compute("Split", opset: 13, [x], outputs: 3) } != nil)
    let stated = ["split": Attribute.ints([2, 5])]
    #expect(
      try compute("Split", opset: 11, [x], stated, outputs: 2)
        == [counting([2]), Tensor((2..<7).map { Float($0) })])
    #expect(
      try compute("Split", opset: 13, [x, Tensor([Int64(2), 5])], outputs: 2).map(\.shape)
        == [[2], [5]])
  }

  @Test func dropoutIsIdentityAndItsMaskChangesType() throws {
    let x = counting([3])
    #expect(
      try compute("Dropout", opset: 9, [x], ["ratio": .float(0.5)], outputs: 2)
        == [x, Tensor([Float(1), 1, 1])])
    let mask = Tensor([true, true, true])
    #expect(try compute("Dropout", opset: 10, [x], outputs: 2) == [x, mask])
    #expect(
      try compute("Dropout", opset: 13, [x, Tensor(scalar: Float(0.5))], outputs: 2) == [x, mask])
    let training = [x, Tensor(scalar: Float(0.5)), Tensor(scalar: true)]
    #expect(message(.unsupported) { _ = try compute("Dropout", opset: 13, training) } != nil)
  }

  @Test func groupNormalizationScalesGroupsThenChannels() throws {
    let x = Tensor([Float(-1), 1, -1, 1, -2, 2, -2, 2], shape: [1, 4, 2])
    let attributes: [String: Attribute] = ["num_groups": .int(2), "epsilon": .float(0)]
    let zeros = { (count: Int) in Tensor(repeating: Float(0), shape: [count]) }
    let groups = try compute(
      "GroupNormalization", opset: 20, [x, Tensor([Float(1), 10]), zeros(2)], attributes)[0]
    #expect(groups == Tensor([Float(-1), 1, -1, 1, -10, 10, -10, 10], shape: [1, 4, 2]))
    let channels = try compute(
      "GroupNormalization", opset: 21, [x, Tensor([Float(1), 2, 3, 4]), zeros(4)], attributes)[0]
    #expect(channels == Tensor([Float(-1), 1, -2, 2, -3, 3, -4, 4], shape: [1, 4, 2]))
  }

  @Test func upsampleAndResizeRepeatElements() throws {
    let x = counting([1, 1, 1, 2])
    let expected = Tensor([Float(0), 0, 1, 1], shape: [1, 1, 1, 4])
    let scales = Tensor([Float(1), 1, 1, 2])
    #expect(
      try compute("Upsample", opset: 7, [x], ["scales": .floats([1, 1, 1, 2])]) == [expected])
    #expect(try compute("Upsample", opset: 9, [x, scales]) == [expected])
    #expect(try compute("Resize", opset: 10, [x, scales]) == [expected])
    #expect(try compute("Resize", opset: 11, [x, nil, scales]) == [expected])
    let sizes = Tensor([Int64(1), 1, 1, 4])
    #expect(try compute("Resize", opset: 13, [x, nil, nil, sizes]) == [expected])
    #expect(
      message(.unsupported) { _ = try compute("Upsample", opset: 10, [x, scales]) }?
        .contains("opset 10") == true)
  }

  @Test func topKTakesItsCountFromAttributeOrInput() throws {
    let x = Tensor([Float(3), 1, 3, 2])
    let expected = [Tensor([Float(3), 3]), Tensor([Int64(0), 2])]
    #expect(try compute("TopK", opset: 9, [x], ["k": .int(2)], outputs: 2) == expected)
    let count = Tensor([Int64(2)])
    #expect(try compute("TopK", opset: 10, [x, count], outputs: 2) == expected)
    #expect(
      try compute("TopK", opset: 11, [x, count], ["largest": .int(0)], outputs: 2)
        == [Tensor([Float(1), 2]), Tensor([Int64(1), 3])])
  }

  @Test func batchNormalizationInferenceAndTraining() throws {
    let x = Tensor([Float(1), 3, 10, 30], shape: [1, 2, 2])
    let vectors = [[1, 2], [0, 1], [2, 20], [4, 100]].map { Tensor([Float($0[0]), Float($0[1])]) }
    let attributes: [String: Attribute] = ["epsilon": .float(0)]
    let expected = Tensor([Float(-0.5), 0.5, -1, 3], shape: [1, 2, 2])
    #expect(try compute("BatchNormalization", opset: 7, [x] + vectors, attributes) == [expected])
    #expect(try compute("BatchNormalization", opset: 15, [x] + vectors, attributes) == [expected])
    let training = attributes.merging(["training_mode": .int(1), "momentum": .float(0.5)]) { $1 }
    let results = try compute("BatchNormalization", opset: 15, [x] + vectors, training, outputs: 3)
    #expect(results[0] == Tensor([Float(-1), 1, -1, 3], shape: [1, 2, 2]))
    #expect(results[1] == Tensor([Float(2), 20]))
    #expect(results[2] == Tensor([Float(2.5), 100]))
  }
}

/// Functions of one number that integers know too.
@Suite struct IntegerFunctionTests {
  @Test func signAndItsKindKeepTheType() throws {
    let x = Tensor((0..<300).map { Int8($0 % 3 - 1) })
    #expect(try compute("Sign", opset: 13, [x]) == [x])
    #expect(
      try compute("Relu", opset: 14, [x]) == [Tensor((0..<300).map { Int8(max($0 % 3 - 1, 0)) })])
    #expect(try compute("Neg", opset: 13, [x]) == [Tensor((0..<300).map { Int8(1 - $0 % 3) })])
    let wide = Tensor([Int64.max, Int64.min + 1, 0])
    #expect(try compute("Sign", opset: 13, [wide]) == [Tensor([Int64(1), -1, 0])])
  }
}
