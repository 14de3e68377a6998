import Graph
import ONNX
import Testing

/// `qtool train --accumulator-bits`
extension TrainTests {
  /// Runs the command on model and data that are there.
  private func train(_ model: String, _ data: String, _ more: [String]) -> Outcome {
    Command(
      [
        "train", model, "--data", data, "--weight-bits", "4", "--activation-bits", "4",
        "--no-first-last", "--epochs", "4", "--batch", "10", "--rate", "0.05", "--device",
        "reference",
      ] + more, in: folder
    ).wait()
  }

  @Test(arguments: ["a2q", "a2q+", "signs"]) func trainsForAccumulators(_ constraint: String) throws
  {
    let (model, data) = (try model(), try data())
    let (free, bounded) = ("\(folder.path)/free.onnx", "\(folder.path)/bounded.onnx")
    let width = ["--accumulator-bits", "8", "--accumulator-constraint", constraint]
    let outline = train(model, data, width + ["-o", bounded, "--dry-run"])
    #expect(outline.status == 0, "\(outline.errors)")
    let most = constraint == "a2q" ? "at most 8 beside" : "at most 8, its negative ones"
    #expect(outline.output.contains("codes of the input 0...15"), "\(outline.output)")
    #expect(outline.output.contains(most), "\(outline.output)")
    #expect(outline.output.contains("accumulator-constraint = \"\(constraint)\""))
    let trained = train(model, data, width + ["-o", bounded])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.output.contains("needs 8 bits, has 8"), "\(trained.output)")
    let verified = qtool("verify", bounded, "--device", "reference", in: folder)
    #expect(verified.status == 0, "\(verified.errors)")
    #expect(verified.output.contains("proven: no accumulator can overflow 8 bits"))
    let graph = try ONNXReader.read(path: bounded)
    #expect(graph.metadata["qtool.accumulator-bits"] == "8")
    #expect(graph.metadata["qtool.settings"]?.contains("constraint=\(constraint)") == true)

    // Without the option the same training needs more.
    let other = train(model, data, ["-o", free])
    #expect(other.status == 0 && !other.output.contains("needs"), "\(other.errors)")
    let unproven = qtool(
      "verify", free, "--accumulator-bits", "8", "--device", "reference", in: folder)
    #expect(unproven.status == 1)
  }

  @Test func refusesAccumulatorsThatHoldNothing() throws {
    let (model, data, output) = (try model(), try data(), "\(folder.path)/none.onnx")
    let wide = train(
      model, data, ["--accumulator-bits", "8", "--activation-bits", "8", "-o", output])
    #expect(wide.status == 3 && wide.errors.contains("no weight but 0"), "\(wide.errors)")
    #expect(wide.errors.contains("Gemm") || wide.errors.contains("MatMul"), "\(wide.errors)")
    for wrong in [
      ["--accumulator-bits", "7"], ["--accumulator-constraint", "a2q"],
      ["--accumulator-bits", "12", "--compensate"],
      ["--accumulator-bits", "12", "--bits", "float"],
    ] {
      let outcome = train(model, data, wrong + ["-o", output])
      #expect(outcome.status == 2, "\(wrong): \(outcome.errors)")
    }
  }
}
