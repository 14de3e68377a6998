import OperationCases
import Operations
import Tensors
import Testing

/// The reference against sums that are written out term by term.
@Suite struct ConvolutionTests {
  private let reference = ReferenceBackend()

  @Test(arguments: ConvolutionCase.all)
  func floatsAreAddedInTheCanonicalOrder(of example: ConvolutionCase) {
    let result = reference.convolve(
      example.x, weights: example.weights, bias: example.bias, example.convolution)
    let sums = terms(
      ofConvolution: example.convolution, x: example.x.shape, weights: example.weights.shape)
    check(
      result, sums, x: example.x, weights: example.weights, bias: example.bias)
  }

  @Test(arguments: TransposedConvolutionCase.all)
  func transposesAreAddedInTheCanonicalOrder(of example: TransposedConvolutionCase) {
    let result = reference.convolveTransposed(
      example.x, weights: example.weights, bias: example.bias, example.convolution)
    let sums = terms(
      ofTransposed: example.convolution, x: example.x.shape, weights: example.weights.shape)
    check(
      result, sums, x: example.x, weights: example.weights, bias: example.bias)
  }

  private func check(
    _ result: Tensor, _ sums: (shape: [Int], filters: [Int], terms: [[Term]]), x: Tensor,
    weights: Tensor, bias: Tensor?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (x, weights) = (x.array(of: Float.self), weights.array(of: Float.self))
    let bias = bias?.array(of: Float.self)
    let computed = result.array(of: Float.self)
    var canonical: [Float] = []
    for (index, sum) in sums.terms.enumerated() {
      let products = sum.map { (weights[$0.weight], $0.x.map { x[$0] } ?? 0) }
      let addend = bias?[sums.filters[index]]
      canonical.append(canonicalSum(products, bias: addend))
      let (value, bound) = doubleSum(products, bias: addend)
      // Beyond the range of floats the canonical order alone says what comes out.
      guard value.isFinite, bound.isFinite, computed[index].isFinite else { continue }
      if abs(Double(computed[index]) - value) > bound {
        Issue.record("output \(index) is off by more than \(bound)", sourceLocation: sourceLocation)
      }
    }
    #expect(
      haveEqualFloats(result, Tensor(canonical, shape: sums.shape)), sourceLocation: sourceLocation)
  }

  @Test(arguments: CodeConvolutionCase.all)
  func codesAreAddedExactly(of example: CodeConvolutionCase) {
    let result = reference.convolveCodes(
      example.x, zeroPoint: example.zeroPoint, weights: example.weights,
      weightsZeroPoint: example.weightsZeroPoint, example.convolution)
    let sums = terms(
      ofConvolution: example.convolution, x: example.x.shape, weights: example.weights.shape)
    let (x, weights) = (integers(example.x), integers(example.weights))
    let zeroPoint = example.zeroPoint.map(integers)?[0] ?? 0
    let weightsZeroPoints = example.weightsZeroPoint.map(integers) ?? [0]
    let expected = zip(sums.filters, sums.terms).map { filter, sum in
      Int32(
        sum.reduce(0) { total, term in
          let weight = weights[term.weight] - weightsZeroPoints[filter % weightsZeroPoints.count]
          return total + weight * (term.x.map { x[$0] - zeroPoint } ?? 0)
        })
    }
    #expect(result == Tensor(expected, shape: sums.shape))
  }

  /// Images of a batch do not see each other, wherever tiles end.
  @Test func batchesGiveWhatSingleImagesGive() {
    let example = ConvolutionCase(
      "batch", x: [5, 30, 7, 7], filters: 14, kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1])
    let together = reference.convolve(
      example.x, weights: example.weights, bias: example.bias, example.convolution)
    let imageCount = example.x.count / 5
    let alone = (0..<5).flatMap { image in
      let x = Array(example.x.array(of: Float.self)[image * imageCount..<(image + 1) * imageCount])
      return reference.convolve(
        Tensor(x, shape: [1] + example.x.shape[1...]), weights: example.weights,
        bias: example.bias, example.convolution
      ).array(of: Float.self)
    }
    #expect(together == Tensor(alone, shape: together.shape))
  }
}

/// The elements of a tensor of codes.
func integers(_ tensor: Tensor) -> [Int] {
  Int8.represents(tensor.elementType)
    ? tensor.array(of: Int8.self).map(Int.init) : tensor.array(of: UInt8.self).map(Int.init)
}
