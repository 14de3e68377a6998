public import Operations
import Tensors

extension OpenCLBackend {
  /// `function` of every element: `float32` by the text of `Kernels/prelude`, negation, magnitude and
  /// ReLU of `int32`, `not`; others on the reference.
  public func map(_ function: UnaryFunction, _ x: Value) throws -> Value {
    guard let form = MapForm(function, x.elementType), x.count <= Int(Int32.max) else {
      return try runOnHost("map", [x]) { $0.map(function, $1[0]) }
    }
    let y = try makeValue(form.to, x.shape)
    guard let from = x.elementType.arithmeticType, let to = form.to.arithmeticType else {
      preconditionFailure("\(x.elementType) has no arithmetic on the device")
    }
    let kernel = DeviceKernel(
      "elementwise/map.cl", "map", ["FROM=\(from)", "TO=\(to)", "EXPRESSION=\(form.expression)"],
      preludes: form.preludes)
    try launchItems(kernel, count: x.count, x, y, UInt32(x.count), form.a, form.b)
    return y
  }
}

/// What the kernel `map` is told about a function.
private struct MapForm {
  var expression: String
  var to: ElementType
  var a: Float = 0
  var b: Float = 0
  var preludes: [String] = []

  /// `nil` if the device has no kernel for it.
  init?(_ function: UnaryFunction, _ type: ElementType) {
    to = type
    switch type {
    case .float32:
      (expression, a, b) = function.float32Expression
      if case .isNaN = function { to = .bool }
      if case .isInfinite = function { to = .bool }
      preludes = ["prelude/divide.cl", "prelude/elementary.cl", "prelude/activations.cl"]
    case .bool:
      guard case .not = function else { return nil }
      expression = "x == 0"
    case .int32:
      // Through unsigned arithmetic, which wraps.
      switch function {
      case .negate: expression = "(int)(0u - (uint)x)"
      case .absolute: expression = "x < 0 ? (int)(0u - (uint)x) : x"
      case .relu: expression = "max(x, 0)"
      default: return nil
      }
    default: return nil
    }
  }
}

extension UnaryFunction {
  /// An expression in x and the parameters a and b.
  fileprivate var float32Expression: (String, Float, Float) {
    switch self {
    case .leakyRelu(let alpha): ("lb_leaky_relu(x, a)", alpha, 0)
    case .thresholdedRelu(let alpha): ("lb_thresholded_relu(x, a)", alpha, 0)
    case .clip(let lower, let upper): ("lb_clip(x, a, b)", Float(lower), Float(upper))
    case .hardSigmoid(let alpha, let beta): ("lb_hard_sigmoid(x, a, b)", alpha, beta)
    case .elu(let alpha): ("lb_elu(x, a)", alpha, 0)
    case .selu(let alpha, let gamma): ("lb_selu(x, a, b)", alpha, gamma)
    case .celu(let alpha): ("lb_celu(x, a)", alpha, 0)
    case .swish(let alpha): ("lb_swish(x, a)", alpha, 0)
    case .gelu(let approximate): (approximate ? "lb_gelu_tanh(x)" : "lb_gelu(x)", 0, 0)
    case .isInfinite(let positive, let negative):
      ("fabs(x) == INFINITY && (x > 0.0f ? a : b) != 0.0f", positive ? 1 : 0, negative ? 1 : 0)
    default: (parameterlessExpression, 0, 0)
    }
  }

  private var parameterlessExpression: String {
    switch self {
    case .negate: "-x"
    case .absolute: "fabs(x)"
    case .sign: "lb_sign(x)"
    case .floor: "floor(x)"
    case .ceil: "ceil(x)"
    case .round: "rint(x)"
    case .relu: "lb_relu(x)"
    case .hardSwish: "lb_hard_swish(x)"
    case .softsign: "lb_softsign(x)"
    case .reciprocal: "lb_divide(1.0f, x)"
    case .squareRoot: "lb_sqrt(x)"
    case .exponential: "lb_exp(x)"
    case .logarithm: "lb_log(x)"
    case .sine: "lb_sin(x)"
    case .cosine: "lb_cos(x)"
    case .tangent: "lb_tan(x)"
    case .arcsine: "lb_asin(x)"
    case .arccosine: "lb_acos(x)"
    case .arctangent: "lb_atan(x)"
    case .hyperbolicSine: "lb_sinh(x)"
    case .hyperbolicCosine: "lb_cosh(x)"
    case .hyperbolicTangent: "lb_tanh(x)"
    case .areaSine: "lb_asinh(x)"
    case .areaCosine: "lb_acosh(x)"
    case .areaTangent: "lb_atanh(x)"
    case .errorFunction: "lb_erf(x)"
    case .sigmoid: "lb_sigmoid(x)"
    case .softplus: "lb_softplus(x)"
    case .mish: "lb_mish(x)"
    case .isNaN: "x != x"
    default: preconditionFailure("\(self) of float32")
    }
  }
}
