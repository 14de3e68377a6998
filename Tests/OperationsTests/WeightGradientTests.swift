import OpenCLBackend
import OpenCLHost
import OperationCases
import Operations
import Tensors
import Testing

/// Derivatives of convolutions' weights against sums that are written out term by term, and on
/// devices against the reference.
@Suite struct WeightGradientTests {
  private static let cases = OperationCase.trainings.filter {
    if case .convolutionWeightGradient = $0.operation { true } else { false }
  }

  @Test(arguments: cases) func productsAreAddedInTheCanonicalOrder(of example: OperationCase) throws
  {
    guard case .convolutionWeightGradient(let convolution) = example.operation else { return }
    let (x, dy) = (example.inputs[0], example.inputs[1])
    let shape = [dy.shape[1], x.shape[1] / convolution.groups] + convolution.window.kernel
    let all = terms(ofConvolution: convolution, x: x.shape, weights: shape)
    var products = [[(Float, Float)]](repeating: [], count: shape.reduce(1, *))
    let values = x.array(of: Float.self), derivatives = dy.array(of: Float.self)
    // Outputs come image by image and filter by filter, so a weight's products are in order.
    for (output, sum) in all.terms.enumerated() {
      for term in sum {
        products[term.weight].append((derivatives[output], term.x.map { values[$0] } ?? 0))
      }
    }
    let expected = products.map { products -> Float in
      let sums = stride(from: 0, to: products.count, by: 4096).map { start in
        canonicalSum(Array(products[start..<min(start + 4096, products.count)]), bias: nil)
      }
      return sums.dropFirst().reduce(sums.first ?? 0) { $0 + $1 }
    }
    let found = try example.result(on: ReferenceBackend.shared)
    #expect(haveEqualFloats(found, Tensor(expected, shape: shape)), "\(example)")
  }
}

/// In every form, without a detour over the reference.
@Suite(.needsDevice) struct DeviceTrainingTests {
  private static let everyForm: [OpenCLBackend] =
    backends.flatMap { backend in
      [nil, .gpu].compactMap { try? OpenCLBackend(backend.device, assuming: $0) }
    }

  @Test(arguments: everyForm) func operations(_ backend: OpenCLBackend) throws {
    for example in OperationCase.trainings {
      let found = try example.result(on: backend)
      let expected = try example.result(on: ReferenceBackend.shared)
      #expect(haveEqualFloats(found, expected), "\(example)")
    }
    #expect(backend.hostOperations.isEmpty)
  }
}
