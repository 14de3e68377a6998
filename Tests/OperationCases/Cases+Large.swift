import Operations
import Tensors

extension OperationCase {
  /// Shapes that are cut into several pieces, wherever a backend cuts: many elements, long rows, wide
  /// planes; with whole pieces and with rests.
  public static let large: [OperationCase] = {
    var samples = SampleValues(seed: 71)
    let plane = Window(kernel: [3, 3], strides: [2, 2], padBefore: [1, 1], padAfter: [1, 1])
    return [
      OperationCase("21003 elements", .map(.relu), [samples.floats([3, 7001])]),
      OperationCase("16384 elements", .map(.relu), [samples.floats([128, 128])]),
      OperationCase(
        "equal shapes", .combine(.add), [samples.floats([70, 300]), samples.floats([70, 300])]),
      OperationCase(
        "a value a row", .combine(.multiply),
        [samples.floats([170, 150]), samples.floats([170, 1])]),
      OperationCase(
        "a value a column", .combine(.add), [samples.floats([170, 150]), samples.floats([150])]),
      OperationCase("planes", .transpose([0, 2, 3, 1]), [samples.floats([2, 9, 40, 41])]),
      OperationCase(
        "a border cut off", .slice(starts: [0, 1, 1], steps: [1, 1, 1], extents: [3, 98, 98]),
        [samples.floats([3, 100, 100])]),
      OperationCase(
        "channels", .concatenate(axis: 1),
        [samples.floats([2, 3, 50, 50]), samples.floats([2, 2, 50, 50])]),
      OperationCase(
        "rows of 1300", .reduce(.sum, axes: [1]), [samples.floats([21, 1300])]),
      OperationCase(
        "columns of 1300", .reduce(.sum, axes: [0]), [samples.floats([1300, 131])]),
      OperationCase(
        "planes of 49", .reduce(.mean, axes: [2, 3]), [samples.floats([4, 19, 7, 7])]),
      OperationCase(
        "rows of 1000", .softmax(axis: 1, logarithm: false), [samples.floats([9, 1000])]),
      OperationCase(
        "rows of 700", .normalize(axes: [2], epsilon: 1e-5), [samples.floats([2, 3, 700])]),
      OperationCase(
        "rows of 150",
        .pool(Pooling(.maximum, window: plane, outputExtents: [20, 75])),
        [samples.floats([2, 3, 40, 150])]),
      OperationCase(
        "rows of 150",
        .pool(
          Pooling(.average(countsBorder: false), window: plane, outputExtents: [20, 75])),
        [samples.floats([2, 3, 40, 150])]),
      OperationCase(
        "channels", .quantize(.axis(1), .uint8),
        [
          samples.floats([2, 5, 41, 41]), Tensor([0.01, 0.004, 0.02, 0.03, 0.5] as [Float]),
          Tensor([0, 128, 255, 3, 17] as [UInt8]),
        ]),
      OperationCase(
        "tensor", .dequantize(.tensor),
        [
          samples.codes([3, 9000], as: .uint8), Tensor(scalar: Float(0.02)),
          Tensor(scalar: UInt8(9)),
        ]),
    ]
  }()
}
