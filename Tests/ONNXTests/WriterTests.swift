import Files
import FoundationEssentials
import Glibc
import Graph
import ONNX
import ONNXProto
import SwiftProtobuf
import Tensors
import TestFolders
import Testing

@Suite struct WriterTests {
  /// A graph with something of everything.
  func everything() -> Graph {
    var branch = Graph(name: "branch", opsets: [:])
    branch.outputs = [ValueInfo(name: "o", elementType: .float32, shape: [])]
    branch.initializers = ["two": Tensor(scalar: 2 as Float)]
    branch.nodes = [Node("Mul", inputs: ["h", "two"], outputs: ["o"])]
    return Graph(
      name: "all", opsets: ["": 25, "com.us": 2],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32, shape: [.symbolic("n"), .unknown, .fixed(3)],
          documentation: "what comes in")
      ],
      outputs: [
        ValueInfo(name: "y", elementType: .float32), ValueInfo(name: "c", elementType: .int64),
      ],
      initializers: [
        "i4": Tensor([-8, 7, 1] as [Int8], as: .int4),
        "u2": Tensor([3, 0, 1, 2, 3] as [UInt8], as: .uint2),
        "f16": Tensor([0x3c00] as [UInt16], as: .float16), "b": Tensor([true, false]),
        "empty": Tensor([] as [Float], shape: [0, 4]), "c": Tensor(scalar: 5 as Int64),
        "large": Tensor((0..<40000).map(Float.init), shape: [200, 200]),
      ],
      nodes: [
        Node(
          name: "last", "Custom", domain: "com.us", inputs: ["h", "", "i4"], outputs: ["y", ""],
          attributes: [
            "i": .int(0), "f": .float(0), "s": .string("ü"), "t": .tensor(Tensor([1] as [Int8])),
            "g": .graph(branch), "is": .ints([]), "fs": .floats([.infinity]), "ss": .strings(["a"]),
          ], documentation: "why", metadata: ["k": "v"]),
        Node(name: "first", "Relu", inputs: ["x"], outputs: ["h"]),
      ],
      valueInfo: ["h": ValueInfo(name: "h", elementType: .float32, shape: [.fixed(2)])],
      metadata: ["b": "2", "a": "1"],
      producer: Producer(
        name: "us", version: "1", domain: "d", modelVersion: 3, documentation: "m"),
      documentation: "a graph")
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    var graph = everything()
    let bytes = try ONNXWriter.bytes(of: graph)
    let found = try read(bytes)
    graph.nodes.reverse()
    #expect(found == graph)
    #expect(try ONNXWriter.bytes(of: found) == bytes)
  }

  @Test func theSameGraphIsTheSameBytes() throws {
    let first = try ONNXWriter.bytes(of: everything())
    for _ in 0..<4 { #expect(try ONNXWriter.bytes(of: everything()) == first) }
  }

  @Test func narrowTensorsArePacked() throws {
    let model = try ModelProto(serializedBytes: ONNXWriter.bytes(of: everything()))
    let tensors = model.graph.initializer.reduce(into: [:]) { $0[$1.name] = Array($1.rawData) }
    #expect(tensors["i4"] == [0x78, 0x01])
    #expect(tensors["u2"] == [0b10_01_00_11, 0b11])
  }

  @Test func statesTheLowestVersionThatTheGraphNeeds() throws {
    func version(_ body: (inout Graph) -> Void) throws -> Int64 {
      var graph = Graph(opsets: ["": 8])
      body(&graph)
      return try ModelProto(serializedBytes: ONNXWriter.bytes(of: graph)).irVersion
    }
    #expect(try version { _ in } == 4)
    #expect(try version { $0.opsets[""] = 13 } == 7)
    #expect(try version { $0.opsets[""] = 21 } == 10)
    #expect(try version { $0.initializers["w"] = Tensor([1] as [Int8], as: .int4) } == 10)
    #expect(try version { $0.initializers["w"] = Tensor([1] as [Int8], as: .int2) } == 13)
    let error = #expect(throws: GraphError.self) {
      try ONNXWriter.bytes(of: Graph(opsets: ["": 21]), irVersion: 8)
    }
    #expect(error?.description == "IR version 8 is asked for, but 10 is needed")
  }

  @Test func refusesAGraphThatBreaksTheRules() throws {
    try withFolder { folder in
      var graph = everything()
      graph.nodes[0].inputs[0] = "y"
      let error = #expect(throws: GraphError.self) {
        try ONNXWriter.write(graph, to: folder + "/m.onnx")
      }
      #expect(
        error?.description == folder + "/m.onnx: node 'last' (Custom) is on or behind a cycle")
      let left = try contents(of: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func writesAndReplacesAFile() throws {
    try withFolder { folder in
      let path = folder + "/m.onnx"
      try ONNXWriter.write(everything(), to: path)
      #expect(throws: FileError.self) { try ONNXWriter.write(everything(), to: path) }
      try ONNXWriter.write(everything(), to: path, overwrite: true)
      #expect(try contents(of: folder) == ["m.onnx"])
      #expect(try ONNXReader.read(path: path).initializers == everything().initializers)
    }
  }

  @Test func largeTensorsGoToAFileBesideTheModel() throws {
    try withFolder { folder in
      let path = folder + "/m.onnx"
      try ONNXWriter.write(everything(), to: path, externalDataThreshold: 1000)
      #expect(try contents(of: folder) == ["m.onnx", "m.onnx.data"])
      let graph = try ONNXReader.read(path: path)
      #expect(graph.initializers == everything().initializers)
      // Over itself: the tensors come from the file that is replaced.
      try ONNXWriter.write(graph, to: path, overwrite: true, externalDataThreshold: 1000)
      #expect(try ONNXReader.read(path: path) == graph)
    }
  }

  @Test func namesAFolderThatCannotBeWritten() {
    #expect(throws: FileError.self) {
      try ONNXWriter.write(everything(), to: "/proc/m.onnx")
    }
  }
}

/// Calls `body` with the path of a new folder that goes away afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
  let folder = makeTestFolder("lowbit-onnx")
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

/// Names in a folder, sorted.
func contents(of folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}
