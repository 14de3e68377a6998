import Graph
import Testing

/// `qtool inspect`
@Suite struct InspectTests {
  let folder = TemporaryFolder()

  @Test func countsParametersAndMultiplications() throws {
    let model = try Models.write(MixedNetwork.graph, "m.onnx", in: folder)
    let outcome = qtool("inspect", model, "--json", in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let filters = [8 * 3 * 9, 8 * 9, 8 * 8, 4 * 8, 8 * 8 * 9]
    let macs = filters.reduce(0) { $0 + 64 * $1 } + 5 * 12
    #expect(outcome.output.contains("\"macs\" : \(macs),"))
    let parameters = filters.reduce(0, +) + 5 * 12 + (8 + 8 + 8 + 4 + 8 + 5) + 2
    #expect(outcome.output.contains("\"parameters\" : \(parameters),"))
    let eight = qtool("inspect", model, "--extent", "N=8", "--json", in: folder)
    #expect(eight.output.contains("\"macs\" : \(8 * macs),"))
    let text = qtool("inspect", model, "--nodes", in: folder).output
    #expect(text.contains("every operator is supported") && text.contains("depthwise"))
  }

  /// Layers, islands and accumulators of a quantized model; run and evaluate say the first two too.
  @Test(arguments: ["ort-cpu", "qdq", "qoperator"]) func showsWhatRunsOnIntegers(
    target: String
  ) throws {
    let model = try Models.write(MixedNetwork.graph, "m.onnx", in: folder)
    try MixedNetwork.writeData(8, to: "\(folder.path)/d.npz")
    let quantized = qtool(
      "quantize", model, "--data", "\(folder.path)/d.npz", "--target", target, "-o",
      "\(folder.path)/q.onnx", in: folder)
    #expect(quantized.status == 0, "\(quantized.errors)")
    let text = qtool("inspect", "\(folder.path)/q.onnx", in: folder).output
    let summary = "on integers: 6 layers, 6 of them on packed codes; in float: nothing"
    #expect(text.contains(summary), "\(text)")
    #expect(text.contains("needs 19 bits") && text.contains("activations take at most"), "\(text)")
    let json = qtool("inspect", "\(folder.path)/q.onnx", "--json", in: folder).output
    #expect(json.contains("\"accumulatorBits\"") && json.contains("\"islands\" : ["))
    let scores = qtool(
      "evaluate", "\(folder.path)/q.onnx", "--data", "\(folder.path)/d.npz", in: folder)
    #expect(scores.output.contains(summary), "\(scores.output)")
    let float = qtool("inspect", model, "--json", in: folder).output
    #expect(!float.contains("\"integers\""))
  }

  @Test func wrongExtentsAreErrors() throws {
    let model = try Models.write(MixedNetwork.graph, "m.onnx", in: folder)
    for (extent, reason) in [
      ("M=8", "has no open dimension 'M'; it has N"), ("N=0", "positive"), ("N", "NAME=N"),
    ] {
      let outcome = qtool("inspect", model, "--extent", extent, in: folder)
      #expect(outcome.status == 2 && outcome.errors.contains(reason), "\(outcome.errors)")
    }
  }

  @Test func listsWhatIsNotSupportedAndWhatStaysInFloat() throws {
    var graph = MixedNetwork.graph
    graph.nodes.append(Node(name: "soft", "Softmax", inputs: ["logits"], outputs: ["p"]))
    graph.outputs[0].name = "p"
    let model = try Models.write(graph, "m.onnx", in: folder)
    let text = qtool("inspect", model, in: folder).output
    #expect(text.contains("stays in float: Softmax soft"), "\(text)")
    graph.nodes[1].operatorType = "Frobnicate"
    let unknown = qtool("inspect", try Models.write(graph, "u.onnx", in: folder), in: folder)
    #expect(unknown.status == 0)
    #expect(
      unknown.output.contains("not supported:\n  node 'relu' (Frobnicate, opset 13)"),
      "\(unknown.output)")
  }
}
