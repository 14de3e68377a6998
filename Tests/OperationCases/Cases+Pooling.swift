import Operations
import Tensors

extension OperationCase {
  /// Pooling: every function over every kind of window.
  public static var poolings: [OperationCase] {
    var samples = SampleValues(seed: 41)
    let windows: [(String, [Int], Window)] = [
      ("2x2, stride 2", [2, 3, 8, 10], Window(kernel: [2, 2], strides: [2, 2])),
      (
        "3x3, stride 2, border", [1, 5, 9, 7],
        Window(kernel: [3, 3], strides: [2, 2], padBefore: [1, 1], padAfter: [1, 1])
      ),
      (
        "uneven border", [1, 2, 6, 5],
        Window(kernel: [3, 2], padBefore: [2, 0], padAfter: [0, 1])
      ),
      ("dilated", [1, 2, 9, 9], Window(kernel: [3, 2], dilations: [2, 3])),
      ("the whole plane", [2, 4, 7, 7], Window(kernel: [7, 7])),
      ("one axis", [2, 3, 17], Window(kernel: [4], strides: [3], padBefore: [2], padAfter: [1])),
      (
        "three axes", [1, 2, 4, 5, 6],
        Window(kernel: [2, 3, 2], strides: [2, 1, 2], padBefore: [1, 0, 1], padAfter: [0, 1, 1])
      ),
      ("a point", [1, 1, 1, 1], Window(kernel: [1, 1])),
      ("no image", [0, 2, 4, 4], Window(kernel: [2, 2])),
    ]
    let functions: [Pooling.Function] = [
      .maximum, .average(countsBorder: false), .average(countsBorder: true), .norm(p: 1),
      .norm(p: 2), .norm(p: 3),
    ]
    var cases: [OperationCase] = []
    for (name, shape, window) in windows {
      let x = samples.floats(shape)
      let extents = shape[2...].enumerated().map { window.outputExtent($1, axis: $0) }
      for function in functions {
        cases.append(
          OperationCase(
            name, .pool(Pooling(function, window: window, outputExtents: extents)), [x]))
      }
    }
    // ceil_mode: the last window begins inside and reaches beyond the border.
    let ceiling = Window(
      kernel: [3, 3], strides: [2, 2], padBefore: [0, 1], padAfter: [0, 1])
    let odd = samples.floats([1, 2, 6, 8])
    cases += functions.map {
      OperationCase(
        "rounded up", .pool(Pooling($0, window: ceiling, outputExtents: [3, 5])), [odd])
    }
    let plain = Window(kernel: [2, 2], strides: [2, 2])
    let specials = samples.extremeFloats([1, 3, 8, 8], period: 5, denormals: false)
    cases += functions.dropLast().map {
      OperationCase(
        "special values", .pool(Pooling($0, window: plain, outputExtents: [4, 4])), [specials])
    }
    for elementType in [ElementType.int8, .uint8] {
      cases.append(
        OperationCase(
          "\(elementType)", .pool(Pooling(.maximum, window: ceiling, outputExtents: [3, 5])),
          [samples.codes([2, 3, 6, 8], as: elementType)]))
    }
    return cases
  }
}
