import OpenCLBackend
import OperationCases
import Operations
import Quantization
import Tensors

/// Work by which candidates for a parameter are timed.
struct TuningWorkload {
  /// Prepares the work on a backend, and checks its result; the closure does it once and waits.
  ///
  /// - Throws: ``WrongResult``, and what the backend throws.
  let start: (OpenCLBackend) throws -> () throws -> Void

  /// The work that `parameter` matters to.
  static func all(
    for parameter: TunableParameter, _ settings: BenchmarkSettings
  ) -> [TuningWorkload] {
    switch parameter.name.split(separator: ".").first {
    case "histogram": [.histogram(settings)]
    case "search": [.search]
    case "convolution": settings.layers.map { .convolution($0, settings) }
    case "packed":
      settings.widths.flatMap { widths in
        settings.layers.map { .packedConvolution($0, widths, settings) }
      }
    default: preconditionFailure("no work to time \(parameter.name) by")
    }
  }

  /// A workload whose expected result is computed once.
  ///
  /// - Parameters:
  ///   - name: What errors call it.
  ///   - expected: The reference's result.
  ///   - prepare: Brings the data to a backend; the closure computes there and waits.
  private init<Result: Equatable>(
    _ name: String, expected: @autoclosure @escaping () throws -> Result,
    prepare: @escaping (OpenCLBackend) throws -> () throws -> Result,
    timed: @escaping (OpenCLBackend) throws -> () throws -> Void
  ) {
    var known: Result?
    start = { backend in
      let right = try known ?? expected()
      known = right
      guard try prepare(backend)() == right else { throw WrongResult(name: name) }
      return try timed(backend)
    }
  }

  private static func histogram(_ settings: BenchmarkSettings) -> TuningWorkload {
    let layout = Histogram.Layout.growing(binsPerSide: settings.binsPerSide)
    let x = Distribution.normal.tensor([settings.values])
    let part = Distribution.normal.tensor([min(settings.values, 1 << 20)])
    return TuningWorkload(
      "histogram", expected: ReferenceBackend.shared.histogram(part, layout: layout)
    ) { backend in
      return { try backend.histogram(backend.upload(part), layout: layout) }
    } timed: { backend in
      let value = try backend.upload(x)
      return { _ = try backend.histogram(value, layout: layout) }
    }
  }

  /// Rows of weights that find several groups enough to do.
  private static let searchShape = [256, 2304]

  private static var search: TuningWorkload {
    let rows = Distribution.normal.tensor(searchShape, factor: 0.02)
    func search(_ backend: OpenCLBackend) throws -> () throws -> [QuantizerFit] {
      let value = try backend.upload(rows)
      return { try backend.searchQuantizers(rows: value, levels: 16, scheme: .symmetric) }
    }
    return TuningWorkload(
      "search",
      expected: ReferenceBackend.shared.searchQuantizers(
        rows: rows, levels: 16, scheme: .symmetric), prepare: search
    ) { backend in
      let search = try search(backend)
      return { _ = try search() }
    }
  }

  private static func convolution(
    _ layer: ConvolutionLayer, _ settings: BenchmarkSettings
  ) -> TuningWorkload {
    let example = layer.example(batch: settings.batch, name: layer.name)
    func convolve(_ backend: OpenCLBackend) throws -> () throws -> OpenCLBackend.Value {
      let x = try backend.upload(example.x)
      let weights = try backend.upload(example.weights)
      let bias = try example.bias.map(backend.upload)
      return { try backend.convolve(x, weights: weights, bias: bias, example.convolution) }
    }
    return TuningWorkload(
      layer.name,
      expected: ReferenceBackend.shared.convolve(
        example.x, weights: example.weights, bias: example.bias, example.convolution)
    ) { backend in
      let convolve = try convolve(backend)
      return { try backend.download(convolve()) }
    } timed: { backend in
      let convolve = try convolve(backend)
      return {
        _ = try convolve()
        try backend.finish()
      }
    }
  }

  private static func packedConvolution(
    _ layer: ConvolutionLayer, _ widths: CodeWidths, _ settings: BenchmarkSettings
  ) -> TuningWorkload {
    let codes = layer.codes(widths, batch: settings.batch)
    func convolve(_ backend: OpenCLBackend) throws -> () throws -> OpenCLBackend.Value {
      let x = try backend.upload(codes.x)
      let weights = try codes.weights.map(backend.upload)
      let epilogue = try codes.epilogue.map(backend.upload)
      return {
        try backend.convolvePacked(x, weights: weights, codes.convolution, epilogue).bytes
      }
    }
    return TuningWorkload(
      "\(widths) \(layer.name)",
      expected: ReferenceBackend.shared.convolvePacked(
        codes.x, weights: codes.weights, codes.convolution, codes.epilogue
      ).bytes
    ) { backend in
      let convolve = try convolve(backend)
      return { try backend.download(convolve()) }
    } timed: { backend in
      let convolve = try convolve(backend)
      return {
        _ = try convolve()
        try backend.finish()
      }
    }
  }
}
