import CElementary
import Glibc

/// One of CElementary's functions over a row: from, to, count and two parameters.
typealias FunctionRow = (
  @convention(c) (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Float, Float) -> Void
)

extension UnaryFunction {
  /// The function over rows of `float32`, with its parameters.
  var float32Row: (row: FunctionRow, a: Float, b: Float) {
    switch self {
    case .leakyRelu(let alpha): (ce_leaky_relu_row, alpha, 0)
    case .thresholdedRelu(let alpha): (ce_thresholded_relu_row, alpha, 0)
    case .clip(let lower, let upper): (ce_clip_row, Float(lower), Float(upper))
    case .hardSigmoid(let alpha, let beta): (ce_hard_sigmoid_row, alpha, beta)
    case .elu(let alpha): (ce_elu_row, alpha, 0)
    case .selu(let alpha, let gamma): (ce_selu_row, alpha, gamma)
    case .celu(let alpha): (ce_celu_row, alpha, 0)
    case .swish(let alpha): (ce_swish_row, alpha, 0)
    case .gelu(let approximate): (approximate ? ce_gelu_tanh_row : ce_gelu_row, 0, 0)
    default: (parameterlessRow, 0, 0)
    }
  }

  private var parameterlessRow: FunctionRow {
    switch self {
    case .negate: ce_negate_row
    case .absolute: ce_absolute_row
    case .sign: ce_sign_row
    case .floor: ce_floor_row
    case .ceil: ce_ceil_row
    case .round: ce_round_row
    case .relu: ce_relu_row
    case .hardSwish: ce_hard_swish_row
    case .softsign: ce_softsign_row
    case .reciprocal: ce_reciprocal_row
    case .squareRoot: ce_square_root_row
    case .exponential: ce_exponential_row
    case .logarithm: ce_logarithm_row
    case .sine: ce_sine_row
    case .cosine: ce_cosine_row
    case .tangent: ce_tangent_row
    case .arcsine: ce_arcsine_row
    case .arccosine: ce_arccosine_row
    case .arctangent: ce_arctangent_row
    case .hyperbolicSine: ce_hyperbolic_sine_row
    case .hyperbolicCosine: ce_hyperbolic_cosine_row
    case .hyperbolicTangent: ce_hyperbolic_tangent_row
    case .areaSine: ce_area_sine_row
    case .areaCosine: ce_area_cosine_row
    case .areaTangent: ce_area_tangent_row
    case .errorFunction: ce_error_function_row
    case .sigmoid: ce_sigmoid_row
    case .softplus: ce_softplus_row
    case .mish: ce_mish_row
    default: preconditionFailure("\(self) of float32")
    }
  }

  /// The function of `float64`, by its definition and the C library.
  var float64Function: (Double) -> Double {
    switch self {
    case .negate: { -$0 }
    case .absolute: { abs($0) }
    case .sign: { $0 > 0 ? 1 : $0 < 0 ? -1 : $0.isNaN ? $0 : 0 }
    case .floor: { $0.rounded(.down) }
    case .ceil: { $0.rounded(.up) }
    case .round: { $0.rounded(.toNearestOrEven) }
    case .reciprocal: { 1 / $0 }
    case .squareRoot: { $0.squareRoot() }
    case .exponential: { exp($0) }
    case .logarithm: { log($0) }
    case .sine: { sin($0) }
    case .cosine: { cos($0) }
    case .tangent: { tan($0) }
    case .arcsine: { asin($0) }
    case .arccosine: { acos($0) }
    case .arctangent: { atan($0) }
    case .hyperbolicSine: { sinh($0) }
    case .hyperbolicCosine: { cosh($0) }
    case .hyperbolicTangent: { tanh($0) }
    case .areaSine: { asinh($0) }
    case .areaCosine: { acosh($0) }
    case .areaTangent: { atanh($0) }
    case .errorFunction: { erf($0) }
    default: float64Activation
    }
  }

  private var float64Activation: (Double) -> Double {
    switch self {
    case .relu: { $0 < 0 ? 0 : $0 }
    case .leakyRelu(let alpha): { $0 < 0 ? Double(alpha) * $0 : $0 }
    case .thresholdedRelu(let alpha): { $0 > Double(alpha) || $0.isNaN ? $0 : 0 }
    case .clip(let lower, let upper): { clipped($0, lower, upper) }
    case .hardSigmoid(let alpha, let beta):
      {
        clipped(Double(alpha) * $0 + Double(beta), 0, 1)
      }
    case .hardSwish: { $0 * clipped($0 / 6 + 0.5, 0, 1) }
    case .softsign: { $0 / (1 + abs($0)) }
    case .sigmoid: logistic
    case .softplus: logOfOnePlusExponential
    case .elu(let alpha): { $0 < 0 ? Double(alpha) * expm1($0) : $0 }
    case .selu(let alpha, let gamma):
      {
        Double(gamma) * ($0 > 0 ? $0 : Double(alpha) * expm1($0))
      }
    case .celu(let alpha):
      {
        let e = Double(alpha) * expm1($0 / Double(alpha))
        return $0.isNaN ? $0 : max($0, 0) + min(e, 0)
      }
    case .mish: { $0 * tanh(logOfOnePlusExponential($0)) }
    case .swish(let alpha): { $0 * logistic(Double(alpha) * $0) }
    case .gelu(approximate: false): { $0 / 2 * (1 + erf($0 * 0.5.squareRoot())) }
    case .gelu(approximate: true):
      {
        $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
      }
    default: preconditionFailure("\(self) of float64")
    }
  }
}

private func clipped(_ x: Double, _ lower: Double, _ upper: Double) -> Double {
  let y = x < lower ? lower : x
  return y > upper ? upper : y
}

private func logistic(_ x: Double) -> Double {
  let e = exp(-abs(x))
  return (x < 0 ? e : 1) / (1 + e)
}

private func logOfOnePlusExponential(_ x: Double) -> Double {
  x.isNaN ? x : max(x, 0) + log1p(exp(-abs(x)))
}
