import Tensors
import Testing

@Suite struct TensorTests {
  @Test func keepsValuesInRowMajorOrder() {
    let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(tensor.array(of: Float.self) == [1, 2, 3, 4, 5, 6])
    #expect(tensor.reshaped(to: [3, 2]).shape == [3, 2])
    #expect(tensor.byteCount == 24)
  }

  @Test func scalarsHaveOneElement() {
    let tensor = Tensor(scalar: Int64(7))
    #expect(tensor.rank == 0 && tensor.count == 1 && tensor.array() == [Int64(7)])
  }

  @Test func narrowIntegersShareTheRepresentationOfBytes() {
    let tensor = Tensor([-8, 7] as [Int8], as: .int4)
    #expect(tensor.elementType == .int4 && tensor.elementType.bitCount == 4)
    #expect(tensor.array(of: Int8.self) == [-8, 7])
  }

  @Test func equalityIsBitwise() {
    #expect(Tensor([Float.nan]) == Tensor([Float.nan]))
    #expect(Tensor([Float(0)]) != Tensor([-Float(0)]))
    #expect(Tensor([Int32(0)]) != Tensor([UInt32(0)]))
  }
}
