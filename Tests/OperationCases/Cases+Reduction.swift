import Operations
import Tensors

extension OperationCase {
  /// Reductions, softmax and normalization.
  public static var reductions: [OperationCase] {
    var samples = SampleValues(seed: 31)
    let x = samples.floats([3, 4, 5, 6])
    let functions: [Reduction] = [
      .sum, .mean, .maximum, .minimum, .product, .l1, .l2, .sumOfSquares, .logSum, .logSumExp,
    ]
    var cases: [OperationCase] = []
    for function in functions {
      for axes in [[3], [2, 3], [1], [0], [0, 2], [0, 1, 2, 3], []] {
        cases.append(OperationCase("axes \(axes)", .reduce(function, axes: axes), [x]))
      }
      cases.append(
        OperationCase(
          "special values", .reduce(function, axes: [1]),
          [samples.extremeFloats([40, 9], period: 30, denormals: false)]))
    }
    // More than one block of the canonical sum, and exactly one.
    for count in [511, 512, 513, 5000] {
      let long = samples.floats([3, count])
      for function in [Reduction.sum, .mean, .l2, .logSumExp] {
        cases.append(OperationCase("\(count) terms", .reduce(function, axes: [1]), [long]))
      }
      cases.append(OperationCase("\(count) terms", .softmax(axis: 1, logarithm: false), [long]))
      cases.append(OperationCase("\(count) terms", .normalize(axes: [1], epsilon: 1e-5), [long]))
    }
    // On either side of what is kept, over several blocks; more and fewer rows than are added together.
    let images = samples.floats([5, 11, 7, 30]), planes = samples.floats([700, 3, 2, 1])
    for function in [Reduction.sum, .mean, .maximum, .sumOfSquares] {
      cases.append(OperationCase("channels", .reduce(function, axes: [0, 2, 3]), [images]))
      cases.append(OperationCase("few channels", .reduce(function, axes: [0, 2, 3]), [planes]))
      cases.append(OperationCase("two kept axes", .reduce(function, axes: [0, 3]), [images]))
    }
    for elementType in [ElementType.int8, .uint8, .int32, .int64] {
      let integers = samples.integers([5, 9], as: elementType)
      for function in [Reduction.sum, .mean, .maximum, .minimum, .product, .l1, .sumOfSquares] {
        cases.append(OperationCase("\(elementType)", .reduce(function, axes: [1]), [integers]))
      }
    }
    let none = Tensor([Float](), shape: [2, 0])
    for function in functions {
      cases.append(OperationCase("nothing", .reduce(function, axes: [1]), [none]))
    }
    let half = ReferenceBackend.shared.cast(samples.floats([7, 600]), to: .float16)
    cases.append(OperationCase("16 bits", .reduce(.mean, axes: [1]), [half]))
    cases.append(OperationCase("16 bits", .softmax(axis: 1, logarithm: false), [half]))
    return cases + rows
  }

  private static var rows: [OperationCase] {
    var samples = SampleValues(seed: 32)
    var cases: [OperationCase] = []
    let x = samples.floats([2, 5, 3, 4])
    let scaled = ReferenceBackend.shared.combine(.multiply, x, Tensor(scalar: Float(50)))
    let masked = Tensor(
      [0, -.infinity, 1, -.infinity, 2, -.infinity, -.infinity, -.infinity, .nan, 1, 2, 3]
        as [Float], shape: [4, 3])
    for logarithm in [false, true] {
      for axis in 0..<4 {
        cases.append(OperationCase("axis \(axis)", .softmax(axis: axis, logarithm: logarithm), [x]))
      }
      cases += [
        OperationCase("far apart", .softmax(axis: 1, logarithm: logarithm), [scaled]),
        OperationCase("masked", .softmax(axis: 1, logarithm: logarithm), [masked]),
        OperationCase(
          "one element", .softmax(axis: 1, logarithm: logarithm), [samples.floats([3, 1])]),
      ]
    }
    for axes in [[3], [2, 3], [1], [1, 2, 3], [0, 2, 3]] {
      cases.append(OperationCase("axes \(axes)", .normalize(axes: axes, epsilon: 1e-5), [x]))
    }
    cases += [
      OperationCase(
        "constant rows", .normalize(axes: [1], epsilon: 1e-3),
        [Tensor(repeating: Float(3), shape: [2, 8])]),
      OperationCase(
        "size 5", .localResponseNormalize(size: 5, alpha: 1e-2, beta: 0.75, bias: 1),
        [samples.floats([2, 9, 3, 5])]),
      OperationCase(
        "even size, wider than the channels",
        .localResponseNormalize(size: 6, alpha: 2, beta: 0.5, bias: 2), [samples.floats([1, 3, 7])]),
    ]
    return cases
  }
}
