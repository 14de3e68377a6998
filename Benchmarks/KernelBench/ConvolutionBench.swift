import OpenCLBackend
import OperationCases
import Operations
import Tensors

extension BenchmarkRun {
  /// A convolution of floats, beside multiplications and additions without memory.
  func convolution(_ layer: ConvolutionLayer, _ name: String) throws -> BenchmarkResult {
    let example = layer.example(batch: settings.batch, name: name)
    let x = try backend.upload(example.x)
    let weights = try backend.upload(example.weights)
    let bias = try example.bias.map { try backend.upload($0) }
    let expected = ReferenceBackend.shared.convolve(
      example.x, weights: example.weights, bias: example.bias, example.convolution)
    return try self.layer(
      layer, name, bits: (32, 32, 32), operation: "convolve", beside: ceilings.floats
    ) {
      try backend.convolve(x, weights: weights, bias: bias, example.convolution)
    } isRight: {
      try backend.download($0) == expected
    }
  }

  /// Checks and times `convolve`.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - name: The name of the entry.
  ///   - bits: Bits of an element of the data, the weights and the result.
  ///   - operation: The operation, as the backend notes it where the reference computes it.
  ///   - ceiling: What the rate is held against.
  ///   - convolve: Enqueues the work.
  ///   - isRight: Whether the reference gives the same.
  func layer<Value>(
    _ layer: ConvolutionLayer, _ name: String, bits: (data: Int, weights: Int, result: Int),
    operation: String, beside ceiling: Ceilings.Ceiling, _ convolve: () throws -> Value,
    isRight: (Value) throws -> Bool
  ) throws -> BenchmarkResult {
    let before = backend.hostOperations[operation] ?? 0
    guard try isRight(convolve()) else { throw WrongResult(name: name) }
    let isOnReference = (backend.hostOperations[operation] ?? 0) > before
    let turns = try turns(rounds: isOnReference ? 1 : settings.rounds) {
      for _ in 0..<settings.calls { _ = try convolve() }
      try backend.finish()
    } beside: {
      try ceiling.measure()
    }
    let times = turns.seconds.map { $0 / Double(settings.calls) }
    let multiplications = Double(layer.multiplications * settings.batch)
    let elements = layer.elements
    var result = BenchmarkResult(
      name: name, seconds: times, work: multiplications * 1e-9, unit: "GMAC/s")
    result.operations = 2 * multiplications
    result.bytes =
      Double(
        (elements.data * bits.data + elements.result * bits.result) * settings.batch
          + elements.weights * bits.weights) / 8
    result.ceiling = turns.ceiling
    result.ceilingName = ceiling.name
    result.bandwidth = ceilings.bandwidth
    result.isOnReference = isOnReference
    return result
  }
}

extension ConvolutionLayer {
  /// Random data and weights of a
  func example(batch: Int, name: String) -> ConvolutionCase {
    ConvolutionCase(
      name, x: [batch, channels] + size, filters: filters, kernel: kernel,
      strides: [stride, stride], padBefore: pads, padAfter: pads,
      groups: groups)
  }
}

extension BenchmarkResult {
  /// All layers one after the other, each as often as the network has it.
  static func sum(
    _ name: String, of layers: [(result: BenchmarkResult, times: Int)]
  ) -> BenchmarkResult {
    func total(_ value: (BenchmarkResult) -> Double) -> Double {
      layers.reduce(0) { $0 + value($1.result) * Double($1.times) }
    }
    var sum = BenchmarkResult(
      name: name, seconds: [total(\.median)], work: total(\.work), unit: "GMAC/s")
    sum.operations = total { $0.operations ?? 0 }
    sum.bytes = total { $0.bytes ?? 0 }
    sum.ceiling = sum.work / total { $0.work / ($0.ceiling ?? .infinity) }
    sum.ceilingName = layers.first?.result.ceilingName
    sum.bandwidth = layers.first?.result.bandwidth
    sum.isOnReference = layers.contains { $0.result.isOnReference }
    return sum
  }
}
