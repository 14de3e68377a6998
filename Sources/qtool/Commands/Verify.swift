import ArgumentParser
import LowBit

/// `qtool verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Prove that no accumulator of a quantized model can overflow, and that engines agree.",
    discussion: examples(
      "qtool verify small.onnx", "qtool verify small.onnx --accumulator-bits 16 --filters",
      "qtool verify small.onnx --no-run --json",
      "qtool verify small.onnx --require-comparison")
      + "\n\nThe proof follows from the model alone. Whether engines have its integers is known only where two "
      + "were compared; the last line says so, and --require-comparison makes it a condition.")

  @Argument(help: "The quantized ONNX model.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(
    help: ArgumentHelp(
      "The width that accumulators must fit, 8 to 32; else the one that the model was made for, or 32.",
      valueName: "bits"))
  var accumulatorBits: Int?

  @Flag(inversion: .prefixedNo, help: "List every filter.")
  var filters = false

  @Flag(
    name: .customLong("run"), inversion: .prefixedNo,
    help:
      "Run inputs that drive every accumulator to its bounds, and the network, on the reference and the device."
  )
  var runs = true

  @Option(
    help: ArgumentHelp(
      "Inputs that the whole network runs on, if it is run; else 2.", valueName: "count"))
  var inputs: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "Exit with 1 where no second engine was compared with the reference.")
  var requireComparison = false

  @OptionGroup var extents: ExtentOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let accumulatorBits, !AccumulatorWidth.range.contains(accumulatorBits) {
      throw ValidationError("--accumulator-bits \(accumulatorBits): 8 to 32 are possible")
    }
    if let inputs, inputs < 0 { throw ValidationError("--inputs \(inputs): none or more") }
    guard runs || inputs == nil && extents.extents.isEmpty else {
      throw ValidationError(
        "--inputs and --extent say how the network is run; --no-run does not run it")
    }
    guard runs || !requireComparison else {
      throw ValidationError("--require-comparison needs a run, which --no-run leaves out")
    }
  }

  func run() throws {
    try common.begin(self)
    let graph = try ONNXReader.read(path: model)
    let extents = try extents.parsed(for: graph, path: model)
    let proof: ModelProof
    do {
      let verifier = try Verifier(graph, accumulatorBits: accumulatorBits)
      proof =
        !runs || common.dryRun
        ? try verifier.proof() : try device.run { try prove(verifier, extents, on: $0) }
    } catch let error as GraphError {
      throw error.located(in: model)
    }
    try common.emit(proof) { proof.text(listsFilters: filters) }
    var failures = proof.failures
    if requireComparison, !common.dryRun, let reason = proof.notCompared {
      failures.append("engines were not compared: \(reason)")
    }
    guard let first = failures.first else { return }
    let more = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
    throw GateNotMet(description: "\(model): \(first)\(more)")
  }

  private func prove<B: Backend>(
    _ verifier: Verifier, _ extents: [String: Int], on backend: B
  ) throws -> ModelProof {
    try verifier.proof(
      running: backend, runs: inputs ?? 2, extents: extents, seed: common.seed,
      progress: { Console.shared.detail("running \($0)") })
  }
}
