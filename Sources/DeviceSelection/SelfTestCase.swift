package import OperationCases
import Operations
import Tensors

/// One operation with its arguments.
package enum SelfTestCase: CustomStringConvertible {
  case convolution(ConvolutionCase)
  case transposedConvolution(TransposedConvolutionCase)
  case codeConvolution(CodeConvolutionCase)
  case matrixProduct(MatrixProductCase)
  case codeMatrixProduct(CodeMatrixProductCase)
  case packing(PackingCase)
  case packedConvolution(PackedConvolutionCase)
  case operation(OperationCase)
  case histogram(HistogramCase)
  case search(SearchCase)

  package var description: String {
    switch self {
    case .convolution(let example): "convolution, \(example)"
    case .transposedConvolution(let example): "transposed convolution, \(example)"
    case .codeConvolution(let example): "integer convolution, \(example)"
    case .matrixProduct(let example): "matrix product, \(example)"
    case .codeMatrixProduct(let example): "integer matrix product, \(example)"
    case .packing(let example): "packing, \(example)"
    case .packedConvolution(let example): "packed convolution, \(example)"
    case .operation(let example): "\(example)"
    case .histogram(let example): "histogram, \(example)"
    case .search(let example): "search, \(example)"
    }
  }

  /// Whether the backend's result has the reference's bits; NaNs are equal whatever their payload.
  func isEqual(on backend: some Backend) throws -> Bool {
    switch self {
    case .histogram(let example):
      return try example.result(on: backend) == example.result(on: ReferenceBackend.shared)
    case .search(let example):
      return try example.result(on: backend) == example.result(on: ReferenceBackend.shared)
    default: return try hasEqualTensor(on: backend)
    }
  }

  private func hasEqualTensor(on backend: some Backend) throws -> Bool {
    let expected = try result(on: ReferenceBackend.shared)
    let found = try result(on: backend)
    if found == expected { return true }
    guard found.elementType == .float32, expected.elementType == .float32,
      found.shape == expected.shape
    else { return false }
    return zip(found.array(of: Float.self), expected.array(of: Float.self)).allSatisfy {
      $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
    }
  }

  private func result<B: Backend>(on backend: B) throws -> Tensor {
    func value(_ tensor: Tensor?) throws -> B.Value? { try tensor.map { try backend.upload($0) } }
    switch self {
    case .convolution(let example):
      return try backend.download(
        backend.convolve(
          backend.upload(example.x), weights: backend.upload(example.weights),
          bias: value(example.bias), example.convolution))
    case .transposedConvolution(let example):
      return try backend.download(
        backend.convolveTransposed(
          backend.upload(example.x), weights: backend.upload(example.weights),
          bias: value(example.bias), example.convolution))
    case .codeConvolution(let example):
      return try backend.download(
        backend.convolveCodes(
          backend.upload(example.x), zeroPoint: value(example.zeroPoint),
          weights: backend.upload(example.weights),
          weightsZeroPoint: value(example.weightsZeroPoint), example.convolution))
    case .matrixProduct(let example):
      return try backend.download(
        backend.matrixMultiply(backend.upload(example.a), backend.upload(example.b)))
    case .codeMatrixProduct(let example):
      return try backend.download(
        backend.matrixMultiplyCodes(
          backend.upload(example.a), zeroPoint: value(example.aZeroPoint),
          backend.upload(example.b), zeroPoint: value(example.bZeroPoint)))
    case .packing(let example): return try example.result(on: backend)
    case .packedConvolution(let example): return try example.result(on: backend)
    case .operation(let example): return try example.result(on: backend)
    case .histogram, .search: preconditionFailure("\(self) has no tensor")
    }
  }
}
