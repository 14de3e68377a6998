import Operations
import Tensors

extension OperationCase {
  /// What only training needs: derivatives of convolutions' weights and of maximum pools, quantizers
  /// that bring values back.
  public static var trainings: [OperationCase] {
    weightGradients + maximumPoolGradients + fakeQuantizers
  }

  /// A derivative of weights; `x` and the number of filters say the rest.
  private static func weightGradient(
    _ name: String, x: [Int], filters: Int, _ window: Window, groups: Int = 1,
    extreme: Bool = false
  ) -> OperationCase {
    var samples = SampleValues(seed: 67)
    let extents = window.kernel.indices.map { window.outputExtent(x[$0 + 2], axis: $0) }
    let tensors = [x, [x[0], filters] + extents].map { shape in
      extreme ? samples.extremeFloats(shape, period: 40, denormals: false) : samples.floats(shape)
    }
    return OperationCase(
      name, .convolutionWeightGradient(Convolution(window: window, groups: groups)), tensors)
  }

  private static var weightGradients: [OperationCase] {
    func bordered(_ kernel: Int, _ pad: Int, stride: Int = 1) -> Window {
      Window(
        kernel: [kernel, kernel], strides: [stride, stride], padBefore: [pad, pad],
        padAfter: [pad, pad])
    }
    return [
      weightGradient("3x3, border, several runs", x: [5, 3, 32, 30], filters: 16, bordered(3, 1)),
      weightGradient("3x3, many images in a block", x: [9, 17, 6, 5], filters: 33, bordered(3, 1)),
      weightGradient("5x5, no border", x: [3, 6, 14, 14], filters: 18, bordered(5, 0)),
      weightGradient("1x1", x: [3, 19, 5, 7], filters: 70, bordered(1, 0)),
      weightGradient("1x1, stride 2", x: [2, 8, 9, 10], filters: 9, bordered(1, 0, stride: 2)),
      weightGradient(
        "3x3, stride 2, a rest", x: [4, 5, 20, 21], filters: 7, bordered(3, 1, stride: 2)),
      weightGradient(
        "uneven border, dilation, groups", x: [2, 6, 9, 8], filters: 4,
        Window(
          kernel: [3, 2], strides: [1, 3], dilations: [2, 3], padBefore: [0, 2], padAfter: [3, 1]),
        groups: 2),
      weightGradient("depthwise", x: [3, 7, 8, 8], filters: 7, bordered(3, 1), groups: 7),
      weightGradient(
        "depthwise, two filters a channel", x: [2, 5, 9, 9], filters: 10, bordered(3, 1, stride: 2),
        groups: 5),
      weightGradient(
        "one axis", x: [3, 4, 300], filters: 5, Window(kernel: [4], strides: [2], padBefore: [1])),
      weightGradient("one output", x: [70, 5, 3, 3], filters: 6, bordered(3, 0)),
      weightGradient(
        "infinities and NaN", x: [2, 4, 9, 8], filters: 5, bordered(3, 1), extreme: true),
      weightGradient("no image", x: [0, 3, 4, 4], filters: 2, bordered(2, 0)),
    ]
  }

  private static var maximumPoolGradients: [OperationCase] {
    var samples = SampleValues(seed: 71)
    let windows: [(String, [Int], Window)] = [
      ("2x2, stride 2", [2, 3, 8, 10], Window(kernel: [2, 2], strides: [2, 2])),
      (
        "3x3, overlapping, border", [1, 5, 9, 7],
        Window(kernel: [3, 3], strides: [2, 1], padBefore: [1, 1], padAfter: [1, 1])
      ),
      ("dilated", [1, 2, 9, 9], Window(kernel: [3, 2], dilations: [2, 3])),
      ("one axis", [2, 3, 17], Window(kernel: [4], strides: [3], padBefore: [2], padAfter: [1])),
      ("no image", [0, 2, 4, 4], Window(kernel: [2, 2])),
    ]
    return windows.flatMap { name, shape, window in
      let extents = shape[2...].enumerated().map { window.outputExtent($1, axis: $0) }
      let dy = samples.floats(Array(shape[..<2]) + extents)
      let operation = Operation.maximumPoolGradient(
        Pooling(.maximum, window: window, outputExtents: extents))
      // Few values, so that windows have several largest taps.
      let ties = ReferenceBackend.shared.map(
        .round,
        ReferenceBackend.shared.combine(
          .multiply, samples.floats(shape), Tensor(scalar: Float(2))))
      return [
        OperationCase(name, operation, [samples.floats(shape), dy]),
        OperationCase("\(name), ties", operation, [ties, dy]),
        OperationCase(
          "\(name), special values", operation,
          [samples.extremeFloats(shape, period: 5, denormals: false), dy]),
      ]
    }
  }

  private static var fakeQuantizers: [OperationCase] {
    var samples = SampleValues(seed: 73)
    let shape = [3, 5, 4, 6]
    let x = samples.extremeFloats(shape, period: 9, denormals: false)
    // Multiples of an eighth: halves of a step, and the ends of the range, are among them.
    let eighths = ReferenceBackend.shared.combine(
      .multiply,
      ReferenceBackend.shared.map(
        .round,
        ReferenceBackend.shared.combine(
          .multiply, samples.floats(shape), Tensor(scalar: Float(16)))),
      Tensor(scalar: Float(0.125)))
    let dy = samples.floats(shape)
    let parameters: [(String, QuantizationLayout, [Tensor])] = [
      ("a tensor", .tensor, [Tensor(scalar: Float(0.25)), Tensor(scalar: Int32(3))]),
      ("from 0 on", .tensor, [Tensor(scalar: Float(0.07)), Tensor(scalar: Int32(0))]),
      (
        "a channel each", .axis(1),
        [
          Tensor([Float(0.25), 0.1, 0.5, 0.3, 1]), Tensor([Int32(0), 1, 2, 3, 3]),
        ]
      ),
      (
        "along the last axis", .axis(3),
        [
          Tensor([Float(0.25), 0.1, 0.5, 0.3, 1, 0.2]), Tensor([Int32(0), 1, 2, 3, 3, 2]),
        ]
      ),
    ]
    return parameters.flatMap { name, layout, tensors in
      [("special values", x), ("halves", eighths)].flatMap { values, x in
        [
          OperationCase(
            "\(name), \(values)", .fakeQuantize(layout, levels: 4), [x] + tensors),
          OperationCase(
            "\(name), \(values)", .fakeQuantizeGradient(layout, levels: 4), [x] + tensors + [dy]),
        ]
      }
    }
  }
}
