import FoundationEssentials
import Graph
import ONNX
import ONNXProto
import SwiftProtobuf
import Tensors
import Testing

@Suite struct BadModelTests {
  @Test func refusesWhatIsNoModel() throws {
    #expect(failure([])?.description == "test.onnx: the file is empty")
    #expect(failure([8, 7])?.description == "test.onnx: not an ONNX model: it has no graph")
    #expect(failure(Array("hello, world".utf8))?.kind == .invalid)
  }

  @Test func refusesEveryTruncation() throws {
    let bytes = try model()
    for count in 0..<bytes.count {
      // A cut between two fields of the model leaves a smaller model, which may be whole.
      do { _ = try read(Array(bytes[..<count])) } catch let error as GraphError {
        #expect(error.description.hasPrefix("test.onnx: "))
      }
    }
    #expect(failure(Array(bytes[..<(bytes.count / 2)]))?.description.contains("truncated") == true)
  }

  @Test func survivesFlippedBytes() throws {
    let bytes = try model {
      $0.graph.valueInfo = [value("h", shape: ["n", 3])]
      $0.graph.initializer.append(tensor("c", .int4, [3]) { $0.rawData = Data([1, 2]) })
      $0.graph.initializer.append(tensor("d", .int64, [2]) { $0.int64Data = [1, -2] })
      $0.graph.node[1].attribute = [
        .with { ($0.name, $0.type, $0.t) = ("t", .tensor, floats("", [1], [9])) }
      ]
    }
    var state: UInt64 = 1
    var refused = 0
    for _ in 0..<5000 {
      var damaged = bytes
      for _ in 0...(state >> 60) % 3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        damaged[Int(state >> 33) % bytes.count] ^= UInt8(1) << UInt8(state >> 61)
      }
      do { _ = try read(damaged) } catch let error as GraphError {
        #expect(error.description.hasPrefix("test.onnx: "))
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  @Test func namesTheNodeOnACycle() throws {
    let error = failure(try model { $0.graph.node[0].input = ["y", "w"] })
    #expect(error?.description == "test.onnx: node 'make_h' (Add) is on or behind a cycle")
  }

  @Test func namesTheTensorWithTooLittleData() throws {
    let error = failure(try model { $0.graph.initializer[0].dims = [4] })
    #expect(
      error?.description
        == "test.onnx: initializer 'w', float32[4], needs 4 values in float_data but has 3")
  }

  @Test func namesTheValueWithANegativeDimension() throws {
    let error = failure(try model { $0.graph.input = [value("x", shape: [-2])] })
    #expect(error?.description == "test.onnx: dimension 0 of input 'x' is -2")
  }

  @Test func readsMinusOneAsAnOpenDimension() throws {
    let graph = try read(try model { $0.graph.input = [value("x", shape: [-1])] })
    #expect(graph.inputs[0].shape == [.unknown])
  }

  @Test func refusesValuesThatAreNoTensors() throws {
    let error = failure(
      try model { $0.graph.input[0].type.sequenceType.elemType.tensorType.elemType = 1 })
    #expect(error?.description == "test.onnx: input 'x' is a sequence")
    #expect(error?.kind == .unsupported)
  }

  @Test func refusesSparseInitializersAndStrings() throws {
    let sparse = failure(
      try model {
        $0.graph.sparseInitializer = [SparseTensorProto.with { $0.values = floats("s", [1], [1]) }]
      })
    #expect(sparse?.description == "test.onnx: initializer 's' is sparse")
    let strings = failure(
      try model {
        $0.graph.initializer.append(tensor("s", .string, [1]) { $0.stringData = [Data([65])] })
      })
    #expect(strings?.description == "test.onnx: initializer 's' has elements of type string")
  }

  @Test func refusesDuplicates() throws {
    #expect(
      failure(try model { $0.graph.initializer.append(floats("w", [1], [1])) })?.description
        == "test.onnx: there are two initializers 'w'")
    #expect(
      failure(try model { $0.graph.input.append(value("x", shape: [])) })?.description
        == "test.onnx: there are two inputs 'x'")
    #expect(
      failure(try model { $0.graph.node[0].output = ["w"] })?.description
        == "test.onnx: node 'make_h' (Add) writes 'w', which is constant or an input")
  }

  @Test func namesTheDomainWithoutAnOperatorSet() throws {
    let error = failure(try model { $0.graph.node[0].domain = "com.us" })
    #expect(
      error?.description == "test.onnx: node 'make_h' (Add) is of the domain 'com.us', for which"
        + " the model names no operator set")
  }
}
