import Datasets
import Files
import Glibc
import Graph
import Tensors
import Testing

/// `qtool run` writes several files: all or none.
@Suite struct RunFailureTests {
  let folder = TemporaryFolder()
  var output: String { "\(folder.path)/out" }

  /// Two outputs, the first small and the second large.
  static var twoOutputs: Graph {
    Graph(
      name: "two", opsets: ["": 17],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1024)])],
      outputs: [
        ValueInfo(name: "a", elementType: .float32), ValueInfo(name: "b", elementType: .float32),
      ],
      nodes: [
        Node(
          name: "largest", "ReduceMax", inputs: ["x"], outputs: ["a"],
          attributes: ["keepdims": .int(1)]),
        Node(name: "negative", "Neg", inputs: ["x"], outputs: ["b"]),
      ])
  }

  init() throws {
    try Models.write(Self.twoOutputs, "m.onnx", in: folder)
    try NumPyFile.write(
      Tensor((0..<1024).map(Float.init)), to: "\(folder.path)/x.npy", overwrite: false)
  }

  func run(_ more: String..., largestFile: Int? = nil) -> Outcome {
    Command(
      ["run", "\(folder.path)/m.onnx", "--input", "x=\(folder.path)/x.npy", "--output-dir", output]
        + more, in: folder, largestFile: largestFile
    ).wait()
  }

  @Test func aDiskThatFillsUpLeavesNoOutput() {
    let outcome = run(largestFile: 1024)
    #expect(outcome.status == 2)
    #expect(
      outcome.errors.contains("\(output)/b.npy: cannot write: File too large"), "\(outcome.errors)")
    #expect(TemporaryFolder.names(in: output).isEmpty)
    #expect(run().status == 0)
    #expect(TemporaryFolder.names(in: output) == ["a.npy", "b.npy"])
  }

  @Test func whatIsThereStays() {
    mkdir(output, 0o777)
    folder.write("old", "out/b.npy")
    let outcome = run()
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("\(output)/b.npy: exists already"), "\(outcome.errors)")
    #expect(TemporaryFolder.names(in: output) == ["b.npy"])
    #expect(run("--overwrite").status == 0)
    #expect(TemporaryFolder.names(in: output) == ["a.npy", "b.npy"])
  }

  @Test func foldersThatCannotBeMade() {
    folder.write("a file", "out")
    let isFile = run()
    #expect(isFile.status == 2)
    #expect(
      isFile.errors.contains("cannot make the folder '\(output)': '\(output)' is not a folder"),
      "\(isFile.errors)")
    #expect(folder.bytes("out") == Array("a file".utf8))
    let outcome = Command(
      [
        "run", "\(folder.path)/m.onnx", "--input", "x=\(folder.path)/x.npy", "--output-dir",
        "/proc/lowbit/out",
      ], in: folder
    ).wait()
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("cannot make the folder '/proc/lowbit"), "\(outcome.errors)")
  }

  @Test func inputErrorsExitWith5AndMakeNothing() throws {
    func check(_ input: String, _ reason: String, status: Int32 = 5) {
      let outcome = Command(
        ["run", "\(folder.path)/m.onnx", "--input", input, "--output-dir", output], in: folder
      ).wait()
      #expect(outcome.status == status && outcome.output.isEmpty, "\(outcome)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
      #expect(!folder.names.contains("out"))
    }
    check("x=\(folder.path)/none.npy", "none.npy")
    check("y=\(folder.path)/x.npy", "is not NAME=FILE", status: 2)
    try NumPyFile.write(
      Tensor([1, 2, 3] as [Float]), to: "\(folder.path)/short.npy", overwrite: false)
    check("x=\(folder.path)/short.npy", "'x'")
    try NumPyFile.write(
      Tensor([Int64](repeating: 1, count: 1024)), to: "\(folder.path)/type.npy", overwrite: false)
    check("x=\(folder.path)/type.npy", "'x'")
    folder.write(Array(folder.bytes("x.npy").dropLast(5)), "cut.npy")
    check("x=\(folder.path)/cut.npy", "cut.npy: holds 4091 bytes of elements")
  }
}
