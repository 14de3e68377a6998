import Operations
import Tensors

/// The reference, but for one code of every convolution of packed codes, which is one off.
final class WrongBackend: HostFallback {
  typealias Value = Tensor

  let name = "wrong"

  func upload(_ tensor: Tensor) -> Tensor { tensor }
  func download(_ value: Tensor) -> Tensor { value }
  func reshape(_ value: Tensor, to shape: [Int]) -> Tensor { value.reshaped(to: shape) }
  func noteHostOperation(_: StaticString) {}

  func convolvePacked(
    _ x: PackedCodes<Tensor>, weights: CodedWeights<Tensor>, _ convolution: Convolution,
    _ epilogue: Epilogue<Tensor>
  ) -> PackedCodes<Tensor> {
    var result = ReferenceBackend.shared.convolvePacked(
      x, weights: weights, convolution, epilogue)
    var bytes = result.bytes.array(of: UInt8.self)
    bytes[0] ^= 1
    result.bytes = Tensor(bytes, shape: result.bytes.shape)
    return result
  }
}
