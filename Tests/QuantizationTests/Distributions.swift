import Glibc

/// The distributions that searches are judged on.
enum Distribution: String, CaseIterable {
  case gauss, laplace, reluGauss, shiftedReLU6, studentT3, shiftedGamma, gaussWithOutliers

  func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix(
      state: seed &* 1_000_003 &+ UInt64(rawValue.utf8.reduce(0) { $0 + Int($1) }))
    return (0..<count).map { _ in Float(value(&generator)) }
  }

  private func value(_ generator: inout SplitMix) -> Double {
    func uniform() -> Double { Double.random(in: 0x1p-53..<1, using: &generator) }
    func normal() -> Double { sqrt(-2 * log(uniform())) * cos(2 * .pi * uniform()) }
    switch self {
    case .gauss: return normal()
    case .laplace: return (uniform() < 0.5 ? -1 : 1) * -log(uniform())
    case .reluGauss: return max(normal(), 0)
    case .shiftedReLU6: return min(max(1 + 2 * normal(), 0), 6)
    case .studentT3:
      let (a, b, c) = (normal(), normal(), normal())
      return normal() / sqrt((a * a + b * b + c * c) / 3)
    case .shiftedGamma: return -log(uniform()) - log(uniform()) - 1
    case .gaussWithOutliers:
      return uniform() < 0.001 ? (uniform() < 0.5 ? -15 : 15) : normal()
    }
  }
}
