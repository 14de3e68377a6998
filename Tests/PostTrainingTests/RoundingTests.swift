import Graph
import Operations
@testable import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

@Suite struct SumPreservingRoundingTests {
  static let quantizer = Quantizer(scale: 0.05, zeroPoint: 8, levels: 16)

  /// Codes and their errors in steps, weight by weight.
  func rounded(
    _ values: [Float], kernelSize: Int, phase: Int = 0, _ quantizer: Quantizer = Self.quantizer
  ) -> (codes: [Int], errors: [Double]) {
    let rounding = SumPreservingRounding(
      quantizer: quantizer, kernelSize: kernelSize, phase: phase)
    var signed = values.map { Int8(quantizer.code(of: $0) - quantizer.zeroPoint) }
    signed.withUnsafeMutableBufferPointer { codes in
      values.withUnsafeBufferPointer { rounding.balance(codes, of: $0) }
    }
    let codes = signed.map { Int($0) + quantizer.zeroPoint }
    let errors = zip(values, codes).map { value, code in
      Double(code - quantizer.zeroPoint) - Double(value) / Double(quantizer.scale)
    }
    return (codes, errors)
  }

  @Test(arguments: [1, 4, 9, 25])
  func sumsOfErrorsStayBelowHalfAStep(kernelSize: Int) {
    // In -0.25..<0.25: all inside the range, with both neighbours in it.
    let values = weights([30 * kernelSize], seed: kernelSize).array(of: Float.self)
    let (codes, errors) = rounded(values, kernelSize: kernelSize)
    // Each code is one of the two around the weight.
    #expect(errors.allSatisfy { $0.magnitude < 1 })
    #expect(errors.reduce(0, +).magnitude <= 0.5)
    // The second step moves at most one weight of a kernel.
    for kernel in stride(from: 0, to: values.count, by: kernelSize) where kernelSize > 1 {
      #expect(errors[kernel..<(kernel + kernelSize)].reduce(0, +).magnitude <= 1)
    }
    // Rounding to nearest would not do.
    let nearest = values.map(Self.quantizer.code(of:))
    #expect(codes != nearest)
    let plain = zip(values, nearest).map { Double($1 - 8) - Double($0) / Double(Float(0.05)) }
    #expect(plain.reduce(0, +).magnitude > 0.5)
  }

  @Test func theWeightNearestToItsBoundaryMoves() {
    // In steps 1.4, 2.3, 3.1: errors -0.4, -0.3, -0.1 with the sum -0.8.
    let steps = Quantizer(scale: 1, zeroPoint: 8, levels: 16)
    #expect(rounded([1.4, 2.3, 3.1], kernelSize: 3, steps).codes == [10, 10, 11])
    #expect(rounded([1.4, 2.3, 3.1], kernelSize: 1, steps).codes == [10, 10, 11])
    // Two kernels, -0.5 each: neither moves by itself, the channel moves the first of equals.
    #expect(rounded([1.25, 2.25, 1.25, 2.25], kernelSize: 2, steps).codes == [10, 10, 9, 10])
  }

  @Test func exactWeightsAndWeightsOutsideTheRangeStay() {
    let steps = Quantizer(scale: 1, zeroPoint: 8, levels: 16)
    #expect(rounded([0, 0, 3, -5], kernelSize: 2, steps).codes == [8, 8, 11, 3])
    // 100 is cut off to 7; nobody makes up for the 93 that are missing.
    #expect(rounded([100, 2, 3, -9], kernelSize: 4, steps).codes == [15, 10, 11, 0])
    #expect(rounded([], kernelSize: 9, steps).codes == [])
  }

  @Test func codesStayInTheRange() {
    let three = Quantizer(scale: 1, zeroPoint: 1, levels: 3)
    for values in [[0.9, 0.9, 0.9, 0.9], [-0.9, -0.8, -0.7, -0.6], [0.4, 0.4, 0.4, 0.4]]
      as [[Float]]
    {
      let (codes, errors) = rounded(values, kernelSize: 2, three)
      #expect(codes.allSatisfy { (0..<3).contains($0) })
      #expect(errors.reduce(0, +).magnitude <= 0.5)
    }
  }

  /// A group of weights that starts in the middle of a kernel closes that kernel first.
  @Test func groupsCutKernels() {
    let steps = Quantizer(scale: 1, zeroPoint: 8, levels: 16)
    let values: [Float] = [1.4, 1.4, 1.4, 1.4]
    // Kernels of four, of which one weight came before: 3 + 1.
    let (codes, errors) = rounded(values, kernelSize: 4, phase: 1, steps)
    #expect(errors[0..<3].reduce(0, +).magnitude <= 1)
    #expect(codes.filter { $0 == 10 }.count == 2)
  }
}

@Suite struct WeightImprovementTests {
  @Test(arguments: [Granularity.channel, .tensor, .group(18)])
  func sumsOfKernelsArePreservedAlongTheAxisOfTheOperator(granularity: Granularity) throws {
    func worstSum(_ improvements: Set<Improvement>) throws -> Double {
      let model = try quantized(
        residualNetwork(),
        settings(weights: 16) {
          $0.improvements = improvements
          $0.granularity = granularity
          $0.target = .qdq
        })
      let quantized = try #require(model.weights[2])
      let float = residualNetwork().initializers["body.w"]!
      let errors = quantized.errors(of: float)
      return (0..<16).map { kernel in
        errors[(kernel * 9)..<(kernel * 9 + 9)].reduce(0, +).magnitude
          / Double(quantized.quantizers.map(\.scale).max()!)
      }.max()!
    }
    #expect(try worstSum([.squant]) <= 1)
    #expect(try worstSum([]) > 1)
  }

  @Test func theGainGivesOutputsTheirSizeBack() throws {
    func model(_ improvements: Set<Improvement>) throws -> QuantizedModel {
      try quantized(
        residualNetwork(),
        settings(weights: 4) {
          $0.weights.range = .mse
          $0.improvements = improvements
        })
    }
    let float = residualNetwork().initializers["body.w"]!.array(of: Float.self)
    func share(_ model: QuantizedModel, _ channel: Int) throws -> Double {
      let weights = try #require(model.weights[2])
      let codes = weights.codes.array(of: Int8.self)
      var (power, product) = (0.0, 0.0)
      for place in (channel * 36)..<(channel * 36 + 36) {
        power += Double(float[place]) * Double(float[place])
        product +=
          Double(float[place]) * Double(weights.quantizers[channel].scale) * Double(codes[place])
      }
      return product / power
    }
    for channel in 0..<4 {
      #expect(try share(model([]), channel) < 0.95)
      // A float scale is exact to 2^-24.
      #expect(try abs(share(model([.gain]), channel) - 1) < 0x1p-23)
    }
    let powers = settings {
      $0.scales = .powerOfTwo
      $0.improvements = [.gain]
    }
    #expect(throws: SettingsError.self) { try powers.validate() }
  }

  @Test func layersHaveTheRangeMethodOfTheirLevels() {
    var settings = QuantizationSettings()
    #expect(settings.weightRange(levels: 256) == .minmax)
    #expect(settings.weightRange(levels: 16) == .mse)
    settings.weights.range = .percentile(99)
    #expect(settings.weightRange(levels: 256) == .percentile(99))
    #expect(QuantizationSettings(scales: .powerOfTwo).improvements == [.outputs, .squant, .bias])
  }
}
