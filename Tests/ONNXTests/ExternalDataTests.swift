import Files
import FoundationEssentials
import Graph
import ONNX
import ONNXProto
import SwiftProtobuf
import Tensors
import Testing

@Suite struct ExternalDataTests {
  /// Reads a model whose initializer `w` has three floats in external data.
  func read(
    _ entries: [String: String], data: [UInt8] = [UInt8](repeating: 0, count: 16)
  ) throws -> Tensor? {
    var tensor: Tensor?
    try withFolder { folder in
      let bytes = try model {
        $0.graph.initializer[0].floatData = []
        $0.graph.initializer[0].dataLocation = .external
        $0.graph.initializer[0].externalData = entries.map { key, value in
          StringStringEntryProto.with { ($0.key, $0.value) = (key, value) }
        }
      }
      try AtomicFile.write(bytes, to: folder + "/m.onnx", overwrite: false)
      try AtomicFile.write(data, to: folder + "/w.bin", overwrite: false)
      tensor = try ONNXReader.read(path: folder + "/m.onnx").initializers["w"]
    }
    return tensor
  }

  func failure(_ entries: [String: String]) -> String {
    let error = #expect(throws: GraphError.self) { try read(entries) }
    return error?.description ?? ""
  }

  @Test func readsFromAnOffset() throws {
    let values: [Float] = [0, 1, 2, 3]
    let data = values.withUnsafeBytes { Array($0) }
    let expected = Tensor([1, 2, 3] as [Float])
    #expect(try read(["location": "w.bin", "offset": "4", "length": "12"], data: data) == expected)
    #expect(try read(["location": "w.bin", "offset": "4"], data: data) == expected)
  }

  @Test func refusesFilesOutsideTheFolder() {
    for location in ["../w.bin", "/etc/passwd", "a/../../w.bin"] {
      #expect(
        failure(["location": location]).hasSuffix(
          "initializer 'w' lies outside the model's folder: '\(location)'"))
    }
  }

  @Test func refusesWhatIsNotThere() {
    #expect(failure([:]).hasSuffix("initializer 'w' is external data without a location"))
    #expect(failure(["location": "v.bin"]).contains("cannot open: No such file or directory"))
    #expect(
      failure(["location": "w.bin", "offset": "8"]).contains(
        "lies at 8 with 12 bytes, beyond the end"))
    #expect(
      failure(["location": "w.bin", "offset": "9223372036854775807"]).contains("beyond the end"))
    #expect(
      failure(["location": "w.bin", "length": "8"]).contains("needs 12 bytes but has 8 in 'w.bin'"))
    #expect(failure(["location": "w.bin", "offset": "-4"]).contains("has the offset '-4'"))
  }

  @Test func refusesExternalDataOfAModelInMemory() throws {
    let bytes = try model {
      $0.graph.initializer[0].floatData = []
      $0.graph.initializer[0].dataLocation = .external
      $0.graph.initializer[0].externalData = [
        StringStringEntryProto.with { ($0.key, $0.value) = ("location", "w.bin") }
      ]
    }
    let error = #expect(throws: GraphError.self) { try ONNXReader.read(bytes: bytes, name: "m") }
    #expect(
      error?.description == "m: initializer 'w' is external data, but the model is not a file")
  }
}
