import Graph
import ONNX
import Tensors
import Testing

/// `qtool verify`
@Suite struct VerifyTests {
  let folder = TemporaryFolder()

  private func quantized(_ options: String...) throws -> String {
    let model = try Models.write(MixedNetwork.graph, "m.onnx", in: folder)
    try MixedNetwork.writeData(8, to: "\(folder.path)/d.npz")
    let target = "\(folder.path)/q.onnx"
    let outcome = Command(
      ["quantize", model, "--data", "\(folder.path)/d.npz", "-o", target] + options, in: folder
    ).wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    return target
  }

  @Test func aModelIsProven() throws {
    let model = try quantized()
    let outcome = qtool("verify", model, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("needs 19 bits, has 32"), "\(outcome.output)")
    #expect(outcome.output.contains("proven: no accumulator can overflow 32 bits; engines "))
    let json = qtool("verify", model, "--json", "--no-run", in: folder)
    #expect(json.status == 0 && json.output.contains("\"neededBits\" : 19"), "\(json.output)")
    #expect(json.output.contains("\"isProven\" : true") && !json.output.contains("boundsReached"))
    let filters = qtool("verify", model, "--no-run", "--filters", in: folder).output
    #expect(filters.contains("filter 7"), "\(filters)")
  }

  /// A proof without a comparison is a proof, and says what it is not.
  @Test func aComparisonThatDidNotHappenIsToldOf() throws {
    let model = try quantized()
    let alone = qtool("verify", model, "--device", "reference", in: folder)
    #expect(alone.status == 0)
    #expect(
      alone.output.contains(
        "proven: no accumulator can overflow 32 bits; engines NOT COMPARED: there is no second engine"
      ), "\(alone.output)")
    let json = qtool("verify", model, "--no-run", "--json", in: folder).output
    #expect(json.contains("\"enginesCompared\" : false"), "\(json)")
    #expect(json.contains("\"notCompared\" : \"nothing was run\""))
    let required = qtool(
      "verify", model, "--device", "reference", "--require-comparison", in: folder)
    #expect(
      required.status == 1
        && required.errors.contains("engines were not compared: there is no second engine"),
      "\(required.errors)")
    #expect(
      qtool("verify", model, "--no-run", "--require-comparison", in: folder).status == 2)
  }

  @Test func aWidthThatIsNotMetIsExitCode1() throws {
    let outcome = qtool("verify", try quantized(), "--accumulator-bits", "16", in: folder)
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("has 16  NOT PROVEN"), "\(outcome.output)")
    // Every failure has a line of its own.
    let lines = outcome.output.split(separator: "\n")
    let unproven = lines.count { $0.contains("has 16  NOT PROVEN") }
    let failed = lines.count { $0.hasPrefix("FAILED: layer '") }
    #expect(unproven > 0 && failed == unproven, "\(outcome.output)")
    #expect(qtool("verify", "x.onnx", "--no-run", "--inputs", "3", in: folder).status == 2)
    #expect(qtool("verify", "x.onnx", "--no-run", "--extent", "N=3", in: folder).status == 2)
    #expect(outcome.errors.contains("filter") && outcome.errors.contains("has 16"))
    #expect(qtool("verify", "x.onnx", "--accumulator-bits", "7", in: folder).status == 2)
  }

  /// Weights edited by hand, in a file that says what its accumulators hold.
  @Test func editedWeightsAreExitCode1() throws {
    let model = try quantized()
    let table = qtool("verify", model, "--no-run", in: folder).output
    let needed = try #require((8...31).last { table.contains("needs \($0) bits") })
    var graph = try ONNXReader.read(path: model)
    graph.metadata["qtool.accumulator-bits"] = "\(needed)"
    let honest = try Models.write(graph, "honest.onnx", in: folder)
    #expect(qtool("verify", honest, in: folder).status == 0)
    for (name, tensor) in graph.initializers where tensor.elementType == .int8 && tensor.rank == 4 {
      graph.initializers[name] = Tensor(repeating: Int8(127), shape: tensor.shape)
    }
    let edited = try Models.write(graph, "edited.onnx", in: folder)
    let outcome = qtool("verify", edited, in: folder)
    #expect(outcome.status == 1 && outcome.errors.contains("has \(needed)"), "\(outcome.errors)")
    #expect(outcome.output.contains("(the model's metadata)"), "\(outcome.output)")
  }

  @Test func modelsThatHaveNothingToProveAreExitCode3() throws {
    let model = try Models.write(MixedNetwork.graph, "f.onnx", in: folder)
    let outcome = qtool("verify", model, in: folder)
    #expect(outcome.status == 3 && outcome.errors.contains("no product of the model is on codes"))
    var graph = try ONNXReader.read(path: try quantized())
    graph.metadata["qtool.accumulator-bits"] = "many"
    let odd = qtool("verify", try Models.write(graph, "odd.onnx", in: folder), in: folder)
    #expect(odd.status == 3 && odd.errors.contains("'many'"), "\(odd.errors)")
  }

  // MARK: Models for accumulators of a width

  @Test(arguments: ["guaranteed", "approximate", "observed"])
  func modelsAreMadeForAWidth(estimate: String) throws {
    let model = try quantized(
      "--scheme", "shift", "--requantization", "round", "--accumulator-bits", "14",
      "--accumulator-estimate", estimate)
    let outcome = qtool("verify", model, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("needs 14 bits, has 14"), "\(outcome.output)")
    #expect(outcome.output.contains("accumulators: 14 bits (the model's metadata)"))
  }

  @Test func estimatesWithoutProofAreFoundOut() throws {
    let model = try quantized(
      "--scheme", "shift", "--accumulator-bits", "12", "--accumulator-estimate", "observed",
      "--accumulator-guard", "1", "--no-accumulator-proof")
    let outcome = qtool("verify", model, "--no-run", in: folder)
    #expect(outcome.status == 1 && outcome.errors.contains("has 12"), "\(outcome.output)")
  }

  @Test func widthsThatCannotBeHonouredWriteNothing() throws {
    let model = try Models.write(MixedNetwork.graph, "m.onnx", in: folder)
    try MixedNetwork.writeData(8, to: "\(folder.path)/d.npz")
    func quantize(_ options: String...) -> Outcome {
      Command(
        ["quantize", model, "--data", "\(folder.path)/d.npz", "-o", "\(folder.path)/q.onnx"]
          + options, in: folder
      ).wait()
    }
    let narrow = quantize("--scheme", "shift", "--accumulator-bits", "8")
    #expect(narrow.status == 3, "\(narrow.errors)")
    #expect(narrow.errors.contains("m.onnx: node 'stem'"), "\(narrow.errors)")
    let loose = quantize(
      "--scheme", "shift", "--accumulator-bits", "16", "--accumulator-guard", "1e308")
    #expect(loose.status == 2 && loose.errors.contains("at most 2^32"), "\(loose.errors)")
    let affine = quantize("--accumulator-bits", "16")
    #expect(affine.status == 2 && affine.errors.contains("--scheme shift"), "\(affine.errors)")
    let alone = quantize("--scheme", "shift", "--accumulator-estimate", "observed")
    #expect(alone.status == 2 && alone.errors.contains("need --accumulator-bits"))
    #expect(!folder.names.contains("q.onnx"))
  }
}
