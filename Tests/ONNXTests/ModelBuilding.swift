import FoundationEssentials
import Graph
import ONNX
import ONNXProto
import SwiftProtobuf
import Tensors
import Testing

/// A model of one graph in opset 21, to be changed by `body`.
func model(_ body: (inout ModelProto) -> Void = { _ in }) throws -> [UInt8] {
  var model = ModelProto()
  model.irVersion = 10
  model.opsetImport = [OperatorSetIdProto.with { $0.version = 21 }]
  model.graph = GraphProto.with {
    $0.name = "test"
    $0.input = [value("x", shape: ["batch", 3])]
    $0.output = [value("y", shape: ["batch", 3])]
    $0.initializer = [floats("w", [3], [1, 2, 3])]
    $0.node = [node("Add", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])]
  }
  body(&model)
  return try model.serializedBytes()
}

/// The graph that the bytes hold.
func read(_ bytes: [UInt8]) throws -> Graph {
  try ONNXReader.read(bytes: bytes, name: "test.onnx")
}

/// The message with which reading the bytes fails.
func failure(_ bytes: [UInt8]) -> GraphError? {
  #expect(throws: GraphError.self) { try read(bytes) }
}

func node(_ type: String, _ inputs: [String], _ outputs: [String]) -> NodeProto {
  NodeProto.with {
    $0.opType = type
    $0.name = outputs.first.map { "make_\($0)" } ?? ""
    $0.input = inputs
    $0.output = outputs
  }
}

func floats(_ name: String, _ dims: [Int64], _ values: [Float]) -> TensorProto {
  tensor(name, .float, dims) { $0.floatData = values }
}

func tensor(
  _ name: String, _ type: TensorProto.DataType, _ dims: [Int64],
  _ body: (inout TensorProto) -> Void = { _ in }
) -> TensorProto {
  var tensor = TensorProto()
  tensor.name = name
  tensor.dataType = Int32(type.rawValue)
  tensor.dims = dims
  body(&tensor)
  return tensor
}

/// A value of float elements; a shape's items are integers or names.
func value(_ name: String, shape: [any Sendable]) -> ValueInfoProto {
  ValueInfoProto.with {
    $0.name = name
    $0.type.tensorType.elemType = Int32(TensorProto.DataType.float.rawValue)
    $0.type.tensorType.shape.dim = shape.map { item in
      TensorShapeProto.Dimension.with {
        if let extent = item as? Int { $0.dimValue = Int64(extent) }
        if let name = item as? String { $0.dimParam = name }
      }
    }
  }
}
