import Tensors

/// Random values for every input: uniform in `0..<1`, or whole numbers in the type's range up to 255.
/// A sample depends on the seed and its index alone.
struct RandomSource: SampleSource {
  let count: Int
  private let inputs: [(input: ModelInput, shape: [Int])]
  private let seed: UInt64

  /// - Parameter size: extents of the last two open dimensions of an image.
  init(
    count: Int, inputs: [ModelInput], seed: UInt64, size: DataSpecification.Size?,
    layout: DataSpecification.Layout?
  ) throws(DataError) {
    self.count = count
    self.seed = seed
    self.inputs = try inputs.map { input throws(DataError) in
      guard var shape = input.shape else {
        throw DataError("random: the model's input '\(input.name)' has no shape")
      }
      if !shape.isEmpty { shape[0] = 1 }
      if let size, shape.count == 4 {
        let first = layout == .nhwc ? 1 : 2
        shape[first] = shape[first] ?? size.height
        shape[first + 1] = shape[first + 1] ?? size.width
      }
      let known = shape.compactMap { $0 }
      guard known.count == shape.count else {
        throw DataError(
          "random: the model's input '\(input.name)' leaves extents open; for an image say "
            + "resize=HEIGHTxWIDTH")
      }
      guard HostMemory.elementCount(of: known) != nil else {
        throw DataError(
          "random: the model's input '\(input.name)' takes \(known), more than memory holds")
      }
      return (input, known)
    }
  }

  var takesImageOptions: Bool { true }

  func sample(at index: Int) throws -> RawSample {
    var tensors: [String: Tensor] = [:]
    for (number, (input, shape)) in inputs.enumerated() {
      var generator = SplitMix64(state: seed &* 0x9e37_79b9_7f4a_7c15)
      generator = SplitMix64(state: generator.next() ^ UInt64(index) << 16 ^ UInt64(number))
      let count = shape.reduce(1, *)
      if input.elementType.isFloatingPoint {
        let values = (0..<count).map { _ in Float(generator.next() >> 40) * 0x1p-24 }
        tensors[input.name] = Tensor(values, shape: shape)
      } else {
        let top = UInt64(min(input.elementType.integerRange?.upperBound ?? 1, 255)) + 1
        let values = (0..<count).map { _ in UInt8(generator.next() % top) }
        tensors[input.name] = Tensor(
          values, shape: shape, as: input.elementType == .bool ? .bool : .uint8)
      }
    }
    return RawSample(content: .named(tensors), label: nil, name: "random: sample \(index)")
  }
}

/// Steele, Lea and Flood's generator (2014): one addition and a mix for every number.
package struct SplitMix64: RandomNumberGenerator {
  package var state: UInt64

  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
