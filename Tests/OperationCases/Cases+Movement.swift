import Operations
import Tensors

extension OperationCase {
  /// Operations that move elements, and conversions.
  public static var movement: [OperationCase] {
    var samples = SampleValues(seed: 21)
    let x = samples.floats([2, 3, 4, 5])
    let wide = samples.floats([33, 70])
    return transpositions(x, wide) + slices(x) + pads(x) + joins(x) + [
      OperationCase("a scalar", .broadcast([2, 3]), [Tensor(scalar: Float(7))]),
      OperationCase("new and stretched axes", .broadcast([2, 3, 4]), [samples.floats([3, 1])]),
      OperationCase("to nothing", .broadcast([0, 3]), [samples.floats([1, 3])]),
      OperationCase("codes", .broadcast([3, 5]), [samples.codes([5], as: .int4)]),
    ]
  }

  private static func transpositions(_ x: Tensor, _ wide: Tensor) -> [OperationCase] {
    let byte = ReferenceBackend.shared.cast(x, to: .int8)
    let double = ReferenceBackend.shared.cast(x, to: .float64)
    return [
      OperationCase("two axes", .transpose([1, 0]), [wide]),
      OperationCase("to channels last", .transpose([0, 2, 3, 1]), [x]),
      OperationCase("reversed", .transpose([3, 2, 1, 0]), [x]),
      OperationCase("identity", .transpose([0, 1, 2, 3]), [x]),
      OperationCase("outer axes", .transpose([1, 0, 2, 3]), [x]),
      OperationCase("bytes", .transpose([3, 0, 2, 1]), [byte]),
      OperationCase("8 bytes an element", .transpose([2, 3, 0, 1]), [double]),
      OperationCase("a scalar", .transpose([]), [Tensor(scalar: Float(1))]),
      OperationCase("nothing", .transpose([1, 0]), [Tensor([Float](), shape: [0, 4])]),
    ]
  }

  private static func slices(_ x: Tensor) -> [OperationCase] {
    [
      OperationCase(
        "the middle", .slice(starts: [0, 1, 1, 2], steps: [1, 1, 1, 1], extents: [2, 2, 2, 3]),
        [x]),
      OperationCase(
        "steps", .slice(starts: [0, 0, 1, 0], steps: [1, 2, 2, 3], extents: [2, 2, 2, 2]), [x]),
      OperationCase(
        "backwards",
        .slice(starts: [1, 2, 3, 4], steps: [-1, -1, -1, -2], extents: [2, 3, 4, 3]),
        [x]),
      OperationCase(
        "nothing", .slice(starts: [0, 0, 4, 0], steps: [1, 1, 1, 1], extents: [2, 3, 0, 5]), [x]),
    ]
  }

  private static func pads(_ x: Tensor) -> [OperationCase] {
    let modes: [Padding.Mode] = [.constant(-1.5), .edge, .reflect, .wrap]
    var cases = modes.flatMap { mode in
      [
        OperationCase(
          "two axes", .pad(Padding(before: [0, 0, 2, 1], after: [0, 0, 3, 4], mode: mode)), [x]),
        OperationCase(
          "all axes", .pad(Padding(before: [1, 2, 1, 2], after: [1, 0, 1, 0], mode: mode)), [x]),
      ]
    }
    let codes = ReferenceBackend.shared.cast(x, to: .uint8)
    cases += [
      OperationCase(
        "reflected more than once",
        .pad(Padding(before: [0, 0, 7, 0], after: [0, 0, 9, 0], mode: .reflect)), [x]),
      OperationCase(
        "cropped", .pad(Padding(before: [0, -1, 2, -2], after: [0, 0, -1, -1])), [x]),
      OperationCase(
        "codes", .pad(Padding(before: [0, 0, 1, 1], after: [0, 0, 1, 1], mode: .constant(128))),
        [codes]),
      OperationCase("a scalar", .pad(Padding(before: [], after: [])), [Tensor(scalar: Float(2))]),
      OperationCase(
        "around nothing", .pad(Padding(before: [1, 0], after: [1, 0], mode: .constant(3))),
        [Tensor([Float](), shape: [0, 2])]),
    ]
    return cases
  }

  private static func joins(_ x: Tensor) -> [OperationCase] {
    var samples = SampleValues(seed: 22)
    let indices = Tensor([2, 0, 2] as [Int64])
    return [
      OperationCase("first axis", .concatenate(axis: 0), [x, x, x]),
      OperationCase(
        "channels", .concatenate(axis: 1), [x, samples.floats([2, 1, 4, 5]), x]),
      OperationCase(
        "last axis, one of them empty", .concatenate(axis: 3),
        [x, samples.floats([2, 3, 4, 0]), samples.floats([2, 3, 4, 1])]),
      OperationCase(
        "codes", .concatenate(axis: 0),
        [samples.codes([3, 3], as: .uint4), samples.codes([1, 3], as: .uint4)]),
      OperationCase("alone", .concatenate(axis: 2), [x]),
      OperationCase("rows", .gather(axis: 0), [samples.floats([3, 7]), indices]),
      OperationCase("inner axis", .gather(axis: 2), [x, indices]),
      OperationCase("last axis", .gather(axis: 3), [x, indices]),
      OperationCase(
        "a table of indices", .gather(axis: 1),
        [x, Tensor([0, 1, 2, 1] as [Int64], shape: [2, 2])]),
      OperationCase("one index", .gather(axis: 1), [x, Tensor(scalar: Int64(1))]),
      OperationCase("no index", .gather(axis: 1), [x, Tensor([Int64]())]),
      OperationCase("bytes", .gather(axis: 1), [samples.codes([2, 3, 3], as: .int8), indices]),
    ]
  }

  /// Conversions between all pairs of element types.
  public static var casts: [OperationCase] {
    var samples = SampleValues(seed: 23)
    let floats = Tensor(
      [
        0, -0.0, 0.5, -0.5, 0.999, 1.5, 2.5, -1.5, 3.7, -8.2, 15.6, 127.5, 128, -128.9, 255.9, 256,
        -129, 32767.5, 65535, 65536, 1e6, 2_147_483_520, 2_147_483_648, -2_147_483_648, 4e9, 1e10,
        9.3e18, -9.3e18, 1.9e19, 65504, 65519, 65520, 1.0009765, 1.0014648, 1.00390625, 1.01171875,
        .infinity, -.infinity, .nan,
      ] as [Float])
    var cases: [OperationCase] = []
    for from in ElementType.allCases {
      let x: Tensor
      if from.isFloatingPoint {
        x = ReferenceBackend.shared.cast(floats, to: from)
      } else if from == .bool {
        x = Tensor([true, false, true])
      } else {
        x = samples.integers([37], as: from)
      }
      cases += ElementType.allCases.map {
        OperationCase("from \(from)", .cast($0), [x])
      }
    }
    return cases
  }
}
