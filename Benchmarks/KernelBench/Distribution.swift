import Glibc
import Tensors

/// Values to time kernels with, the same in every run.
public enum Distribution: String, CaseIterable, Sendable, CustomStringConvertible {
  /// Normal.
  case normal
  /// Normal, negative values replaced by zero.
  case relu
  /// One value.
  case constant
  /// Student's t with three degrees of freedom: a few values far out.
  case studentT = "student-t"

  /// The name that options take.
  public var description: String { rawValue }

  /// Values times `factor`.
  func tensor(_ shape: [Int], factor: Float = 1) -> Tensor {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func uniform() -> Float {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return (Float(state >> 40) + 0.5) * 0x1p-24
    }
    func normal() -> Float { sqrtf(-2 * logf(uniform())) * cosf(2 * .pi * uniform()) }
    return Tensor(shape: shape) { (elements: UnsafeMutableBufferPointer<Float>) in
      for index in elements.indices {
        let value: Float
        switch self {
        case .normal: value = normal()
        case .relu: value = max(normal(), 0)
        case .constant: value = 1.25
        case .studentT:
          let (a, b, c) = (normal(), normal(), normal())
          let sum: Float = a * a + b * b + c * c
          value = normal() / sqrtf(sum / 3)
        }
        elements[index] = value * factor
      }
    }
  }
}
