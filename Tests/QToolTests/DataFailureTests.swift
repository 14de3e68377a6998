import Datasets
import Files
import Glibc
import Graph
import Tensors
import Testing

/// Data and statistics that do not fit: exit code 5, a message that names file and sample or tensor,
/// and no result.
@Suite struct DataFailureTests {
  let folder = TemporaryFolder()

  init() throws {
    try Models.write(Models.classifier, "m.onnx", in: folder)
  }

  func check(
    _ arguments: [String], _ reason: String, status: Int32 = 5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let before = folder.names
    for command in ["calibrate", "quantize"] {
      let outcome = Command(
        [command, "\(folder.path)/m.onnx", "-o", "\(folder.path)/out"] + arguments, in: folder
      ).wait()
      #expect(
        outcome.status == status && outcome.output.isEmpty, "\(outcome)",
        sourceLocation: sourceLocation)
      #expect(outcome.errors.contains(reason), "\(outcome.errors)", sourceLocation: sourceLocation)
      #expect(folder.names == before, sourceLocation: sourceLocation)
    }
  }

  func write(_ values: [Float], _ shape: [Int], _ name: String) throws -> String {
    let path = "\(folder.path)/\(name)"
    try NumPyFile.write(Tensor(values, shape: shape), to: path, overwrite: true)
    return path
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func valuesThatAreNoNumbers(_ value: Float) throws {
    let data = try write([1, 2, 3, 4, 5, value, 7, 8], [2, 4], "bad.npy")
    check(["--data", data], "bad.npy: sample 1: ")
  }

  /// Two samples that are finite and overflow in the model.
  @Test func activationsThatOverflow() throws {
    var graph = Models.classifier
    graph.initializers["weights"] = Tensor(repeating: Float(1e30), shape: [4, 3])
    graph.nodes.append(.init(name: "more", "Relu", inputs: ["logits"], outputs: ["y"]))
    graph.outputs = [.init(name: "y", elementType: .float32)]
    try Models.write(graph, "o.onnx", in: folder)
    let data = try write([1, 2, 3, 4, 1e30, 1e30, 1e30, 1e30], [2, 4], "large.npy")
    let outcome = qtool(
      "calibrate", "\(folder.path)/o.onnx", "--data", data, "-o", "\(folder.path)/out", in: folder)
    #expect(outcome.status == 5, "\(outcome)")
    #expect(
      outcome.errors.contains("large.npy: sample 1: tensor 'y' holds 0 NaN and 3 infinite"),
      "\(outcome.errors)")
    #expect(!folder.names.contains("out"))
  }

  @Test func noData() throws {
    check(["--data", "\(folder.path)/none"], "none: there is no such file or folder")
    check(["--data", try write([], [0, 4], "empty.npy")], "empty.npy")
    check(["--data", try write([1, 2, 3, 4], [1, 4], "one.npy") + "?offset=1"], "one.npy")
    mkdir("\(folder.path)/folder", 0o777)
    check(["--data", "\(folder.path)/folder"], "holds nothing that is recognised")
  }

  @Test func dataThatDoNotFit() throws {
    check(
      ["--data", try write([1, 2, 3], [1, 3], "three.npy")], "three.npy: sample 0: has shape [3]")
    folder.write(Array(folder.bytes("three.npy").dropLast(3)), "cut.npy")
    check(["--data", "\(folder.path)/cut.npy"], "cut.npy: holds 9 bytes of elements")
    folder.write("text", "text.npy")
    check(["--data", "\(folder.path)/text.npy"], "text.npy: is not recognised")
  }

  @Test func specificationErrorsExitWith2() throws {
    check(["--data", try write([1, 2, 3, 4], [1, 4], "d.npy") + "?limt=1"], "'limt'", status: 2)
  }

  @Test func damagedStatistics() throws {
    let data = try write([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], "d.npy")
    let whole = "\(folder.path)/whole.stats"
    #expect(
      qtool("calibrate", "\(folder.path)/m.onnx", "--data", data, "-o", whole, in: folder).status
        == 0)
    let bytes = folder.bytes("whole.stats")
    func check(_ bytes: [UInt8], _ reason: String) {
      let path = folder.write(bytes, "bad.stats")
      for arguments in [
        ["quantize", "\(folder.path)/m.onnx", "--stats", path],
        ["calibrate", "--merge", whole, path],
      ] {
        let outcome = Command(arguments + ["-o", "\(folder.path)/out"], in: folder).wait()
        #expect(outcome.status == 5 && outcome.output.isEmpty, "\(outcome)")
        #expect(outcome.errors.contains("bad.stats: \(reason)"), "\(outcome.errors)")
      }
    }
    check([], "these are no statistics")
    for count in stride(from: 13, to: bytes.count, by: 97) {
      check(Array(bytes[..<count]), "the statistics are damaged")
    }
    for position in stride(from: 12, to: bytes.count, by: 131) {
      var flipped = bytes
      flipped[position] ^= 0x10
      check(flipped, "the statistics are damaged")
    }
    #expect(!folder.names.contains("out"))
    var other = Models.classifier
    other.name = "other"
    try Models.write(other, "other.onnx", in: folder)
    let outcome = qtool(
      "quantize", "\(folder.path)/other.onnx", "--stats", whole, "-o", "\(folder.path)/out",
      in: folder)
    #expect(outcome.status == 5)
    #expect(outcome.errors.contains("whole.stats: the statistics were made with another model"))
  }
}
