import OpenCLBackend
import OperationCases
import OpenCLHost
import Operations
import Tensors
import Testing

/// Every device that is there, in its own form and in that for GPUs, against the reference: floats
/// equal bit by bit, integers equal.
@Suite(.needsDevice) struct DeviceConvolutionTests {
  private static let everyForm: [OpenCLBackend] =
    backends.flatMap { backend in
      [nil, .gpu].compactMap { try? OpenCLBackend(backend.device, assuming: $0) }
    }

  private let reference = ReferenceBackend.shared

  @Test(arguments: everyForm) func convolve(_ backend: OpenCLBackend) throws {
    let keepsDenormals = try backend.device[.hasDenormals]
    for example in ConvolutionCase.all where keepsDenormals || !example.hasDenormals {
      let result = try backend.convolve(
        backend.upload(example.x), weights: backend.upload(example.weights),
        bias: example.bias.map(backend.upload), example.convolution)
      let expected = reference.convolve(
        example.x, weights: example.weights, bias: example.bias, example.convolution)
      #expect(haveEqualFloats(try backend.download(result), expected), "\(example)")
    }
    #expect(backend.hostOperations.isEmpty)
  }

  @Test(arguments: everyForm) func convolveTransposed(_ backend: OpenCLBackend) throws {
    for example in TransposedConvolutionCase.all {
      let result = try backend.convolveTransposed(
        backend.upload(example.x), weights: backend.upload(example.weights),
        bias: example.bias.map(backend.upload), example.convolution)
      let expected = reference.convolveTransposed(
        example.x, weights: example.weights, bias: example.bias, example.convolution)
      #expect(haveEqualFloats(try backend.download(result), expected), "\(example)")
    }
    #expect(backend.hostOperations.isEmpty)
  }

  @Test(arguments: everyForm) func convolveCodes(_ backend: OpenCLBackend) throws {
    for example in CodeConvolutionCase.all {
      let result = try backend.convolveCodes(
        backend.upload(example.x), zeroPoint: example.zeroPoint.map(backend.upload),
        weights: backend.upload(example.weights),
        weightsZeroPoint: example.weightsZeroPoint.map(backend.upload), example.convolution)
      let expected = reference.convolveCodes(
        example.x, zeroPoint: example.zeroPoint, weights: example.weights,
        weightsZeroPoint: example.weightsZeroPoint, example.convolution)
      #expect(try backend.download(result) == expected, "\(example)")
    }
    #expect(backend.hostOperations.isEmpty)
  }

  @Test(arguments: everyForm) func matrixMultiply(_ backend: OpenCLBackend) throws {
    for example in MatrixProductCase.all {
      let result = try backend.matrixMultiply(
        backend.upload(example.a), backend.upload(example.b))
      let expected = reference.matrixMultiply(example.a, example.b)
      #expect(haveEqualFloats(try backend.download(result), expected), "\(example)")
    }
    #expect(backend.hostOperations.isEmpty)
  }

  @Test(arguments: everyForm) func matrixMultiplyCodes(_ backend: OpenCLBackend) throws {
    for example in CodeMatrixProductCase.all {
      let result = try backend.matrixMultiplyCodes(
        backend.upload(example.a), zeroPoint: example.aZeroPoint.map(backend.upload),
        backend.upload(example.b), zeroPoint: example.bZeroPoint.map(backend.upload))
      let expected = reference.matrixMultiplyCodes(
        example.a, zeroPoint: example.aZeroPoint, example.b, zeroPoint: example.bZeroPoint)
      #expect(try backend.download(result) == expected, "\(example)")
    }
    #expect(backend.hostOperations.isEmpty)
  }

  /// The same values under other batch sizes and other tiles.
  @Test(arguments: backends) func batchesGiveWhatSingleImagesGive(_ backend: OpenCLBackend) throws {
    let example = ConvolutionCase(
      "batch", x: [7, 20, 7, 7], filters: 30, kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1])
    let weights = try backend.upload(example.weights)
    let together = try backend.download(
      backend.convolve(
        backend.upload(example.x), weights: weights, bias: nil, example.convolution))
    let imageCount = example.x.count / 7
    let alone = try (0..<7).flatMap { image in
      let x = Array(example.x.array(of: Float.self)[image * imageCount..<(image + 1) * imageCount])
      return try backend.download(
        backend.convolve(
          backend.upload(Tensor(x, shape: [1] + example.x.shape[1...])), weights: weights,
          bias: nil, example.convolution)
      ).array(of: Float.self)
    }
    #expect(together == Tensor(alone, shape: together.shape))
  }
}
