/// A function of one element. Unless said otherwise it takes and gives floating-point numbers.
public enum UnaryFunction: Sendable, Hashable {
  // Exact
  case negate, absolute, sign, floor, ceil
  /// To the nearest integer, half to even.
  case round
  case relu
  case leakyRelu(alpha: Float)
  case thresholdedRelu(alpha: Float)
  /// `min(max(x, lower), upper)`; also for integers.
  case clip(lower: Double, upper: Double)
  /// `max(0, min(1, alpha * x + beta))`
  case hardSigmoid(alpha: Float, beta: Float)
  /// `x * hardSigmoid(x)` with 1/6 and 1/2
  case hardSwish
  case softsign
  // Correctly rounded
  case reciprocal, squareRoot
  // Polynomials of CElementary
  case exponential, logarithm
  case sine, cosine, tangent, arcsine, arccosine, arctangent
  case hyperbolicSine, hyperbolicCosine, hyperbolicTangent
  case areaSine, areaCosine, areaTangent
  case errorFunction, sigmoid, softplus
  case elu(alpha: Float)
  case selu(alpha: Float, gamma: Float)
  case celu(alpha: Float)
  case mish
  /// `x * sigmoid(alpha * x)`
  case swish(alpha: Float)
  /// `x / 2 * (1 + erf(x / sqrt(2)))`, or its approximation by `tanh`.
  case gelu(approximate: Bool)
  // To or from bool
  case not, isNaN
  case isInfinite(positive: Bool, negative: Bool)
  /// Complement of an integer's bits.
  case complement
}

/// A function of two elements of one type.
public enum BinaryFunction: Sendable, Hashable {
  /// Integers wrap.
  case add, subtract, multiply
  /// Floating point: correctly rounded. Integers: towards zero; by zero gives 0.
  case divide
  case power
  /// The sign of the divisor, as Python's `%`.
  case modulo
  /// The sign of the dividend, as C's `fmod`.
  case remainder
  case minimum, maximum
  /// `x < 0 ? x * slope : x`
  case prelu
  // To bool
  case equal, less, lessOrEqual, greater, greaterOrEqual
  // Bool
  case and, or, exclusiveOr
  // Integers' bits
  case bitwiseAnd, bitwiseOr, bitwiseExclusiveOr, shiftLeft, shiftRight
}

/// What a reduction computes.
public enum Reduction: Sendable, Hashable {
  case sum, mean, maximum, minimum, product
  case l1, l2, sumOfSquares, logSum, logSumExp
}
