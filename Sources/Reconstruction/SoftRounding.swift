import Glibc
import Graph
import PostTraining
import Quantization
import Tensors

/// Rounding that is learned: Nagel et al., "Up or Down?", ICML 2020, equations 21 to 24.
///
///     (1)  w~ = scale * clip(base + h(V), lowest, highest)
///     (2)  h(V) = clip(sigmoid(V) * (zeta - gamma) + gamma, 0, 1), zeta = 1.1, gamma = -0.1
///     (3)  pull = sum(1 - |2 h(V) - 1|^exponent)
///
/// `base` is the code below a weight. A weight whose code is neither of the two beside it, because its code
/// makes up for other weights' errors, has to choose between its code and the next one on its side.
struct SoftRounding {
  /// The codes below.
  let base: [Float]
  /// What `V` begins with.
  let start: [Float]
  let shape: [Int]
  /// The bounds of codes.
  let codes: ClosedRange<Int>

  static let (zeta, gamma): (Double, Double) = (1.1, -0.1)

  /// - Parameters:
  ///   - weights: The float weights.
  ///   - quantized: Their codes of now.
  init(_ weights: Tensor, _ quantized: QuantizedWeights) {
    let quantizer = quantized.quantizers[0]
    codes = -quantizer.zeroPoint...quantizer.levels - 1 - quantizer.zeroPoint
    shape = weights.shape
    let scales = quantized.scales.array(of: Float.self)
    let now = quantized.codes.array(of: Int8.self)
    var (base, start) = ([Float](), [Float]())
    for (place, weight) in weights.array(of: Float.self).enumerated() {
      let steps = weight / scales[place]
      let (code, floor) = (Float(now[place]), steps.rounded(.down))
      if code == floor || code == floor + 1 {
        base.append(floor)
        start.append(Self.logit(Double(steps - floor)))
      } else {
        base.append(code > steps ? code - 1 : code)
        start.append(Self.logit(code > steps ? 0.9 : 0.1))
      }
    }
    (self.base, self.start) = (base, start)
  }

  /// The `V` for which `h(V)` is `part`, kept off the ends, where nothing moves.
  private static func logit(_ part: Double) -> Float {
    let sigmoid = (min(max(part, 0.01), 0.99) - gamma) / (zeta - gamma)
    return Float(log(sigmoid / (1 - sigmoid)))
  }

  /// The codes that `V` has come to: `h(V)` is at least one half where `V` is not negative.
  func codes(_ parameters: [Float]) -> [Int8] {
    zip(base, parameters).map { base, parameter in
      let code = Int(base) + (parameter >= 0 ? 1 : 0)
      return Int8(min(max(code, codes.lowerBound), codes.upperBound))
    }
  }
}

extension UnitGraph {
  /// Puts rounding that is learned in the place of the weights `name`; returns the name of the sum of
  /// `|2 h - 1|^exponent`.
  ///
  /// - Parameters:
  ///   - scales: The scale of every weight.
  ///   - exponent: The name of the exponent.
  mutating func soften(
    _ name: String, _ rounding: SoftRounding, scales: Tensor, exponent: String
  ) -> String {
    func own(_ part: String) -> String { "\(name)\0\(part)" }
    let (zeta, gamma) = (SoftRounding.zeta, SoftRounding.gamma)
    let parameters = constant(own("rounding"), Tensor(rounding.start, shape: rounding.shape))
    let base = constant(own("base"), Tensor(rounding.base, shape: rounding.shape))
    let width = constant(own("width"), Tensor(scalar: Float(zeta - gamma)))
    let low = constant(own("low"), Tensor(scalar: Float(gamma)))
    let zero = constant(own("zero"), Tensor(scalar: Float(0)))
    let one = constant(own("one"), Tensor(scalar: Float(1)))
    let two = constant(own("two"), Tensor(scalar: Float(2)))
    let bounds = [rounding.codes.lowerBound, rounding.codes.upperBound].map {
      constant(own("bound \($0)"), Tensor(scalar: Float($0)))
    }
    let scale = constant(own("scales"), scales)
    var value = add("Sigmoid", [parameters], to: own("sigmoid"))
    value = add("Mul", [value, width], to: own("stretched"))
    value = add("Add", [value, low], to: own("moved"))
    let part = add("Clip", [value, zero, one], to: own("part"))
    value = add("Add", [base, part], to: own("steps"))
    value = add("Clip", [value] + bounds, to: own("codes"))
    graph.initializers[name] = nil
    _ = add("Mul", [value, scale], to: name)
    value = add("Mul", [part, two], to: own("twice"))
    value = add("Sub", [value, one], to: own("side"))
    value = add("Abs", [value], to: own("distance"))
    value = add("Pow", [value, exponent], to: own("power"))
    return add("ReduceSum", [value], to: own("sum"), ["keepdims": .int(0)])
  }
}
