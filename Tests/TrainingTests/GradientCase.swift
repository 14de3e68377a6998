import Graph
import Tensors

/// A graph of one operator whose derivative is checked.
struct GradientCase: Sendable, CustomStringConvertible {
  /// How the values of an input are chosen.
  enum Values: Sendable {
    /// In -1...1, far enough from each other and from 0 for differences.
    case apart
    /// In 0.5..<2.
    case positive
    /// These, which are not differentiated for.
    case constant(Tensor)
  }

  let name: String
  let node: Node
  let inputs: [(shape: [Int], values: Values)]
  let outputCount: Int

  var description: String { name }

  init(
    _ operatorType: String, _ inputs: [(shape: [Int], values: Values)],
    _ attributes: [String: Attribute] = [:], domain: String = "", name: String? = nil,
    outputs: Int = 1
  ) {
    self.name = name ?? "\(operatorType) \(inputs.map(\.shape))"
    node = Node(
      operatorType, domain: domain, inputs: inputs.indices.map { "x\($0)" },
      outputs: (0..<outputs).map { "y\($0)" }, attributes: attributes)
    self.inputs = inputs
    outputCount = outputs
  }
}

extension GradientCase {
  static let all =
    functions + arithmetic + products + movements + reductions + pools + normalizations

  private static let functions: [GradientCase] =
    [
      "Identity", "Neg", "Abs", "Exp", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Softplus", "Erf",
      "HardSwish", "Gelu",
    ].map { GradientCase($0, [([2, 9], .apart)]) }
    + ["Log", "Sqrt", "Reciprocal"].map { GradientCase($0, [([2, 7], .positive)]) } + [
      GradientCase("LeakyRelu", [([7], .apart)], ["alpha": .float(0.3)], name: "LeakyRelu 0.3"),
      GradientCase("HardSigmoid", [([11], .apart)], ["alpha": .float(0.7)]),
      GradientCase(
        "Clip",
        [
          ([12], .apart), ([], .constant(Tensor(scalar: Float(-0.23)))),
          ([], .constant(Tensor(scalar: Float(0.305)))),
        ]),
    ]

  private static let arithmetic: [GradientCase] =
    ["Add", "Sub", "Mul"].flatMap { name in
      [
        GradientCase(name, [([2, 3], .apart), ([2, 3], .apart)]),
        GradientCase(name, [([2, 3, 4], .apart), ([3, 1], .apart)]),
        GradientCase(name, [([3], .apart), ([2, 1, 3], .apart)]),
      ]
    } + [
      GradientCase("Div", [([2, 3], .apart), ([3], .positive)]),
      GradientCase("Pow", [([5], .positive), ([], .constant(Tensor(scalar: Float(3))))]),
      GradientCase("PRelu", [([2, 3, 4], .apart), ([3, 1], .apart)]),
      GradientCase("Min", [([4, 1], .apart), ([3], .positive)]),
      GradientCase("Max", [([2, 5], .apart), ([2, 5], .positive)]),
      GradientCase(
        "Where",
        [
          ([2, 1], .constant(Tensor([true, false], shape: [2, 1]))), ([2, 3], .apart),
          ([3], .apart),
        ]
      ),
    ]

  private static let products: [GradientCase] = [
    GradientCase("MatMul", [([3, 4], .apart), ([4, 2], .apart)]),
    GradientCase("MatMul", [([2, 3, 4], .apart), ([4, 2], .apart)]),
    GradientCase("MatMul", [([2, 1, 3, 4], .apart), ([3, 4, 2], .apart)]),
    GradientCase("Gemm", [([3, 4], .apart), ([4, 2], .apart), ([2], .apart)]),
    GradientCase(
      "Gemm", [([4, 3], .apart), ([2, 4], .apart), ([3, 1], .apart)],
      ["transA": .int(1), "transB": .int(1), "alpha": .float(0.5), "beta": .float(2)]),
    GradientCase(
      "Gemm", [([3, 4], .apart), ([2, 4], .apart)], ["transB": .int(1)], name: "Gemm, transB"),
    GradientCase(
      "Conv", [([2, 3, 5, 6], .apart), ([4, 3, 3, 3], .apart), ([4], .apart)],
      ["pads": .ints([1, 1, 1, 1])]),
    GradientCase(
      "Conv", [([1, 2, 8, 7], .apart), ([3, 2, 3, 2], .apart)],
      ["strides": .ints([2, 3]), "pads": .ints([1, 0, 0, 1])], name: "Conv, strides with a rest"),
    GradientCase(
      "Conv", [([2, 4, 6, 6], .apart), ([6, 2, 3, 3], .apart), ([6], .apart)],
      ["group": .int(2), "dilations": .ints([2, 1])], name: "Conv, two groups, dilation"),
    GradientCase(
      "Conv", [([2, 3, 5, 5], .apart), ([3, 1, 3, 3], .apart)],
      ["group": .int(3), "strides": .ints([2, 2]), "auto_pad": .string("SAME_UPPER")],
      name: "Conv, depthwise"),
    GradientCase(
      "Conv", [([2, 2, 9], .apart), ([3, 2, 4], .apart)], ["strides": .ints([2])],
      name: "Conv, one axis"),
    GradientCase(
      "ConvTranspose", [([2, 3, 3, 4], .apart), ([3, 2, 3, 3], .apart), ([2], .apart)],
      ["strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]), "output_padding": .ints([1, 0])]),
  ]

  private static let movements: [GradientCase] = [
    GradientCase("Reshape", [([2, 6], .apart), ([2], .constant(list([3, -1])))]),
    GradientCase("Flatten", [([2, 3, 2], .apart)]),
    GradientCase("Transpose", [([2, 3, 4], .apart)], ["perm": .ints([1, 2, 0])]),
    GradientCase("Expand", [([3, 1], .apart), ([3], .constant(list([2, 3, 4])))]),
    GradientCase("Concat", [([2, 3], .apart), ([2, 2], .apart)], ["axis": .int(1)]),
    GradientCase(
      "Split", [([2, 5], .apart), ([2], .constant(list([2, 3])))], ["axis": .int(1)], outputs: 2),
    GradientCase(
      "Slice",
      [
        ([4, 5], .apart), ([2], .constant(list([1, -3]))), ([2], .constant(list([3, 100]))),
        ([2], .constant(list([0, 1]))),
      ]),
    GradientCase("Pad", [([2, 3], .apart), ([4], .constant(list([0, 1, 2, -1])))]),
    GradientCase(
      "Gather", [([3, 4], .apart), ([3], .constant(list([2, -1, 2])))], ["axis": .int(1)]),
    GradientCase(
      "Gather", [([3, 4], .apart), ([], .constant(Tensor(scalar: Int64(1))))],
      name: "Gather, one index"),
    GradientCase("DepthToSpace", [([1, 8, 2, 3], .apart)], ["blocksize": .int(2)]),
    GradientCase("SpaceToDepth", [([1, 2, 4, 2], .apart)], ["blocksize": .int(2)]),
  ]

  private static let reductions: [GradientCase] = [
    GradientCase("ReduceSum", [([2, 3, 4], .apart), ([1], .constant(list([1])))]),
    GradientCase(
      "ReduceMean", [([2, 3, 4], .apart), ([2], .constant(list([0, -1])))],
      ["keepdims": .int(0)]),
    GradientCase("ReduceMean", [([2, 3], .apart)]),
    GradientCase("GlobalAveragePool", [([2, 3, 4, 5], .apart)]),
    GradientCase("Softmax", [([3, 5], .apart)]),
    GradientCase("Softmax", [([3, 2, 2], .apart)], ["axis": .int(1)]),
    GradientCase("LogSoftmax", [([3, 5], .apart)]),
  ]

  private static let pools: [GradientCase] = [
    GradientCase(
      "MaxPool", [([1, 1, 4, 6], .apart)],
      ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
    GradientCase(
      "MaxPool", [([1, 1, 4, 6], .apart)],
      ["kernel_shape": .ints([3, 2]), "pads": .ints([1, 0, 1, 1])], name: "MaxPool, overlapping"),
    GradientCase("MaxPool", [([2, 2, 6], .apart)], ["kernel_shape": .ints([3])]),
    GradientCase(
      "AveragePool", [([2, 2, 4, 6], .apart)],
      ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
    GradientCase(
      "AveragePool", [([1, 2, 5, 5], .apart)],
      ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 1]), "pads": .ints([1, 1, 1, 1])],
      name: "AveragePool, border left out"),
    GradientCase(
      "AveragePool", [([1, 2, 5, 5], .apart)],
      [
        "kernel_shape": .ints([3, 3]), "pads": .ints([1, 0, 1, 0]), "count_include_pad": .int(1),
      ], name: "AveragePool, border counted"),
  ]

  /// With 1 under the root fifth derivatives stay small.
  private static let normalizations: [GradientCase] = [
    GradientCase(
      "BatchNormalization",
      [
        ([3, 2, 2], .apart), ([2], .apart), ([2], .apart), ([2], .constant(reals([0, 0]))),
        ([2], .constant(reals([1, 1]))),
      ], ["epsilon": .float(1)]),
    GradientCase(
      "LayerNormalization", [([2, 3, 4], .apart), ([3, 4], .apart), ([3, 4], .apart)],
      ["axis": .int(1), "epsilon": .float(1)]),
    GradientCase(
      "LayerNormalization", [([3, 5], .apart), ([5], .apart)], ["epsilon": .float(1)],
      name: "LayerNormalization without bias"),
  ]

  private static func reals(_ values: [Float]) -> Tensor { Tensor(values) }

  private static func list(_ values: [Int64]) -> Tensor { Tensor(values) }
}
