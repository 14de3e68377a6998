import Datasets
import Glibc
import Graph
import ONNX
import Tensors
import Testing

/// `qtool run`
@Suite struct RunTests {
  let folder = TemporaryFolder()
  let x = Tensor([1, 0, 0, 0, 0, 3, 0, 9] as [Float], shape: [2, 4])
  let expected = Tensor([1, 0, 0, 0, 3, 0] as [Float], shape: [2, 3])

  private func run(_ model: String, _ arguments: String...) -> Outcome {
    Command(["run", model] + arguments + ["--output-dir", "\(folder.path)/out"], in: folder).wait()
  }

  @Test func runsArraysAndInputSets() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    try NumPyFile.write(x, to: "\(folder.path)/x.npy", overwrite: true)
    let outcome = run(model, "--input", "x=\(folder.path)/x.npy", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"name\" : \"logits\""))
    #expect(try NumPyFile.read("\(folder.path)/out/logits.npy") == expected)

    let again = run(model, "--input", "x=\(folder.path)/x.npy")
    #expect(again.status == 2 && again.errors.contains("logits.npy: exists already"))
    mkdir("\(folder.path)/set", 0o777)
    folder.write(try TensorFile(name: "x", tensor: x).bytes(), "set/input_0.pb")
    let set = run(model, "--input-set", "\(folder.path)/set", "--overwrite")
    #expect(set.status == 0, "\(set.errors)")
    #expect(try NumPyFile.read("\(folder.path)/out/logits.npy") == expected)
  }

  @Test func inputsThatDoNotFitAreErrorsOfData() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let path = "\(folder.path)/x.npy"
    func check(_ tensor: Tensor, _ reason: String) throws {
      try NumPyFile.write(tensor, to: path, overwrite: true)
      let outcome = run(model, "--input", "x=\(path)")
      #expect(outcome.status == 5 && outcome.errors.contains(reason), "\(outcome.errors)")
    }
    try check(Tensor([1, 2, 3] as [Float], shape: [1, 3]), "'x' has shape [1, 3]")
    try check(Tensor([1, 2, 3, 4] as [Double], shape: [1, 4]), "'x' is of type float64")
    #expect(run(model).status == 5)
    #expect(run(model, "--input", "x=\(folder.path)/none.npy").status == 5)
    let unknown = run(model, "--input", "y=\(path)")
    #expect(unknown.status == 2 && unknown.errors.contains("the model's inputs are 'x'"))
    mkdir("\(folder.path)/set", 0o777)
    let contents: [([UInt8]?, String)] = [(nil, "cannot open"), ([7, 7, 7], "not an ONNX tensor")]
    for (content, reason) in contents {
      if let content { folder.write(content, "set/input_0.pb") }
      let set = run(model, "--input-set", "\(folder.path)/set")
      #expect(set.status == 5 && set.errors.contains(reason), "\(set.errors)")
      #expect(set.errors.contains("set/input_0.pb"))
    }
    #expect(!folder.names.contains("out"))
  }

  @Test func unsupportedOperatorsAreErrorsOfTheModel() throws {
    var graph = Models.classifier
    graph.nodes[0].operatorType = "Frobnicate"
    let model = try Models.write(graph, "m.onnx", in: folder)
    try NumPyFile.write(x, to: "\(folder.path)/x.npy", overwrite: true)
    let outcome = run(model, "--input", "x=\(folder.path)/x.npy")
    #expect(outcome.status == 3)
    #expect(outcome.errors.contains("'fc' (Frobnicate, opset 17)"), "\(outcome.errors)")
    #expect(!folder.names.contains("out"))
  }
}
