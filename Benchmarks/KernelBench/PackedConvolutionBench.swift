import OpenCLBackend
import OperationCases
import Operations
import Tensors

/// Bits of weights and of activations.
public struct CodeWidths: Sendable, Hashable, CustomStringConvertible {
  /// Bits of a weight: 8, 4 or 2.
  public let weights: Int
  /// Bits of an activation: 8, 4, 2 or 1.
  public let activations: Int

  /// Both, such as `w4a8`.
  public var description: String { "w\(weights)a\(activations)" }

  /// `w8a8` and its like; `nil` for others.
  public init?(_ text: String) {
    guard text.utf8.count == 4, text.hasPrefix("w"), text.dropFirst(2).first == "a",
      let weights = Int(text.dropFirst().prefix(1)), let activations = Int(text.suffix(1)),
      [8, 4, 2].contains(weights), [8, 4, 2, 1].contains(activations)
    else { return nil }
    self.weights = weights
    self.activations = activations
  }
}

extension BenchmarkRun {
  /// A convolution of packed codes into packed codes: sums, bias, rounding and packing in one operation.
  func packedConvolution(
    _ layer: ConvolutionLayer, _ widths: CodeWidths, _ name: String
  ) throws -> BenchmarkResult {
    let codes = layer.codes(widths, batch: settings.batch)
    let expected = ReferenceBackend.shared.convolvePacked(
      codes.x, weights: codes.weights, codes.convolution, codes.epilogue)
    let x = try backend.upload(codes.x)
    let weights = try codes.weights.map(backend.upload)
    let epilogue = try codes.epilogue.map(backend.upload)
    let bits = (widths.activations, widths.weights, widths.activations)
    return try self.layer(
      layer, name, bits: bits, operation: "convolvePacked", beside: ceilings.codes
    ) {
      try backend.convolvePacked(x, weights: weights, codes.convolution, epilogue)
    } isRight: {
      try backend.download($0.bytes) == expected.bytes
    }
  }
}

extension ConvolutionLayer {
  /// What is convolved with what, and what becomes of it.
  struct Codes {
    let x: PackedCodes<Tensor>
    let weights: CodedWeights<Tensor>
    let convolution: Convolution
    let epilogue: Epilogue<Tensor>
  }

  /// Random codes, and multipliers that spread the sums over the codes of the result.
  func codes(_ widths: CodeWidths, batch: Int) -> Codes {
    var samples = SampleValues(seed: 5)
    let largest = 1 << widths.activations - 1
    let shape = [batch, channels] + size
    let data = Tensor(
      (0..<shape.reduce(1, *)).map { _ in UInt8(truncatingIfNeeded: samples.next()) & UInt8(largest)
      },
      shape: shape)
    let type: ElementType =
      switch widths.weights {
      case 4: .int4
      case 2: .int2
      default: .int8
      }
    let weights = samples.codes(
      [filters, channels / groups] + kernel, as: type)
    let depth = Float(weights.count / filters)
    let deviation = Float(largest) * Float(1 << widths.weights) / 12 * depth.squareRoot()
    let multipliers = (0..<filters).map {
      Float(largest) / (4 * deviation) * (1 + Float($0 % 7) / 16)
    }
    let bias = (0..<filters).map { Int32(Float($0 % 5 - 2) * deviation / 8) }
    return Codes(
      x: ReferenceBackend.shared.packCodes(
        data, zeroPoint: largest / 2, bits: widths.activations),
      weights: type.bitCount < 8
        ? CodedWeights(packed: weights.packedRows(), as: type, shape: weights.shape)
        : CodedWeights(weights),
      convolution: Convolution(
        window: Window(
          kernel: kernel, strides: [stride, stride], padBefore: pads,
          padAfter: pads), groups: groups),
      epilogue: Epilogue(
        bias: Tensor(bias), rounding: .float(multiplier: Tensor(multipliers)),
        zeroPoint: largest / 2, codes: 0...largest, bits: widths.activations))
  }
}
