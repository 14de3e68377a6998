import OpenCLHost
import OperationCases
import Operations
import Tensors
import Testing

@testable import OpenCLBackend

/// The tile forms of packed convolution, which devices with many threads take, on every device that
/// is there: equal to the reference in every size of tile and every kind of product.
@Suite(.needsDevice) struct TileConvolutionTests {
  private static let gpuForms: [OpenCLBackend] = backends.compactMap {
    try? OpenCLBackend($0.device, assuming: .gpu)
  }

  @Test(arguments: gpuForms) func codes(_ backend: OpenCLBackend) throws {
    for (plan, example) in pairs(on: backend, every: 19) {
      let codes = try backend.convolveInTiles(
        example.packed(on: backend), weights: example.weights.map(backend.upload),
        example.convolution, example.epilogue.map(backend.upload), plan,
        operation: "convolvePacked")
      #expect(
        try backend.download(codes).bytes == example.result(on: ReferenceBackend.shared),
        "\(example), \(plan)")
    }
  }

  @Test(arguments: gpuForms) func sums(_ backend: OpenCLBackend) throws {
    for (plan, example) in pairs(on: backend, every: 23) {
      let sums = try backend.sumInTiles(
        example.packed(on: backend), weights: example.weights.map(backend.upload),
        example.convolution, plan, operation: "sumPacked")
      #expect(try backend.download(sums) == example.expectedSums, "\(example), \(plan)")
    }
  }

  /// The kernels of NVIDIA's warps, their instructions in functions of sub-groups.
  @Test(
    .enabled(if: !warpForms.isEmpty, "no device has sub-groups of 32 items that shuffle"),
    arguments: warpForms)
  func emulatedWarps(_ backend: OpenCLBackend) throws {
    for mayBeBitwise in [false, true] {
      let plan = TilePlan(kernel: .warps(isEmulated: true), mayBeBitwise: mayBeBitwise)
      for (index, example) in PackedConvolutionCase.all.enumerated() {
        // Bitwise, only what has few bits is another product.
        let layout = CodeLayout(channels: example.x.shape[1], bits: example.bits)
        guard plan.takes(layout), mayBeBitwise ? example.bits < 4 : index % 3 == 0 else { continue }
        let codes = try backend.convolveInTiles(
          example.packed(on: backend), weights: example.weights.map(backend.upload),
          example.convolution, example.epilogue.map(backend.upload), plan,
          operation: "convolvePacked")
        #expect(
          try backend.download(codes).bytes == example.result(on: ReferenceBackend.shared),
          "\(example), \(plan)")
      }
    }
  }

  private static let warpForms = gpuForms.filter {
    $0.facts.extensions.isSuperset(of: [
      "cl_khr_subgroup_shuffle", "cl_intel_required_subgroup_size",
    ])
  }

  /// Plans with some of the cases that they take, others for each plan: what compiles takes most of
  /// the time, and the first plan that a device really has gets all cases elsewhere.
  private func pairs(
    on backend: OpenCLBackend, every distance: Int
  ) -> [(TilePlan, PackedConvolutionCase)] {
    plans(for: backend).enumerated().flatMap { index, plan in
      stride(from: index % distance, to: PackedConvolutionCase.all.count, by: distance)
        .map { PackedConvolutionCase.all[$0] }
        .filter { plan.takes(CodeLayout(channels: $0.x.shape[1], bits: $0.bits)) }
        .map { (plan, $0) }
    }
  }

  /// Bytes and planes in the tiles that devices take, and the same in other tiles.
  private func plans(for backend: OpenCLBackend) -> [TilePlan] {
    let facts = backend.facts
    var plans = TileParameters.candidates.filter {
      $0.fits(facts) && ($0.itemPixels > 4 && $0.depth == 8 || $0.depth == 32)
    }.map {
      TilePlan(kernel: .items($0, .portable), mayBeBitwise: true)
    }
    if let standard = TileParameters.standard(for: facts) {
      plans.append(TilePlan(kernel: .items(standard, .portable), mayBeBitwise: true))
      if facts.extensions.contains("cl_khr_integer_dot_product") {
        plans.append(TilePlan(kernel: .items(standard, .khronos), mayBeBitwise: false))
      }
    }
    return plans
  }
}
