import FoundationEssentials
import ONNX
import ONNXProto
import SwiftProtobuf
import Tensors
import Testing

@Suite struct TensorReadingTests {
  func read(_ proto: TensorProto) throws -> Tensor {
    try TensorFile.read(bytes: proto.serializedBytes(), name: "t.pb").tensor
  }

  func failure(_ proto: TensorProto) -> String? {
    #expect(throws: (any Error).self) { try read(proto) }.map { "\($0)" }
  }

  @Test func readsEveryTypeFromRawBytes() throws {
    let cases: [(TensorProto.DataType, [UInt8], Tensor)] = [
      (.float, [0, 0, 0x80, 0x3f, 0, 0, 0, 0x80], Tensor([1, -0.0] as [Float])),
      (.double, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f], Tensor([1] as [Double])),
      (.float16, [0, 0x3c], Tensor([0x3c00] as [UInt16], as: .float16)),
      (.bfloat16, [0x80, 0x3f], Tensor([0x3f80] as [UInt16], as: .bfloat16)),
      (.int8, [0x80, 0x7f], Tensor([-128, 127] as [Int8])),
      (.uint8, [0x80, 0x7f], Tensor([128, 127] as [UInt8])),
      (.int16, [0, 0x80], Tensor([-32768] as [Int16])),
      (.uint16, [0, 0x80], Tensor([32768] as [UInt16])),
      (.int32, [1, 0, 0, 0x80], Tensor([Int32.min + 1])),
      (.uint32, [1, 0, 0, 0x80], Tensor([0x8000_0001] as [UInt32])),
      (.int64, [1, 0, 0, 0, 0, 0, 0, 0x80], Tensor([Int64.min + 1])),
      (.uint64, [1, 0, 0, 0, 0, 0, 0, 0x80], Tensor([0x8000_0000_0000_0001] as [UInt64])),
      (.bool, [0, 1, 2], Tensor([false, true, true])),
      (.int4, [0x8f, 0x07], Tensor([-1, -8, 7] as [Int8], as: .int4)),
      (.uint4, [0x8f, 0x07], Tensor([15, 8, 7] as [UInt8], as: .uint4)),
      (.int2, [0b11_10_01_00, 0b01], Tensor([0, 1, -2, -1, 1] as [Int8], as: .int2)),
      (.uint2, [0b11_10_01_00, 0b01], Tensor([0, 1, 2, 3, 1] as [UInt8], as: .uint2)),
    ]
    for (type, bytes, expected) in cases {
      let proto = tensor("t", type, [Int64(expected.count)]) { $0.rawData = Data(bytes) }
      #expect(try read(proto) == expected, "\(type)")
    }
  }

  @Test func readsEveryTypeFromItsTypedField() throws {
    let cases: [(TensorProto.DataType, Tensor, (inout TensorProto) -> Void)] = [
      (.float, Tensor([1.5, -2] as [Float]), { $0.floatData = [1.5, -2] }),
      (.double, Tensor([1.5] as [Double]), { $0.doubleData = [1.5] }),
      (.float16, Tensor([0xbc00] as [UInt16], as: .float16), { $0.int32Data = [0xbc00] }),
      (.bfloat16, Tensor([0xbf80] as [UInt16], as: .bfloat16), { $0.int32Data = [0xbf80] }),
      (.int8, Tensor([-128, 127] as [Int8]), { $0.int32Data = [-128, 127] }),
      (.uint8, Tensor([255] as [UInt8]), { $0.int32Data = [255] }),
      (.int16, Tensor([-32768] as [Int16]), { $0.int32Data = [-32768] }),
      (.uint16, Tensor([65535] as [UInt16]), { $0.int32Data = [65535] }),
      (.int32, Tensor([-7] as [Int32]), { $0.int32Data = [-7] }),
      (.uint32, Tensor([UInt32.max]), { $0.uint64Data = [UInt64(UInt32.max)] }),
      (.int64, Tensor([-7] as [Int64]), { $0.int64Data = [-7] }),
      (.uint64, Tensor([UInt64.max]), { $0.uint64Data = [.max] }),
      (.bool, Tensor([true, false]), { $0.int32Data = [1, 0] }),
      (.int4, Tensor([-1, 2, -8] as [Int8], as: .int4), { $0.int32Data = [47, 8] }),
      (.uint4, Tensor([15, 2, 8] as [UInt8], as: .uint4), { $0.int32Data = [47, 8] }),
      (.int2, Tensor([-1, 1, -2, 0, 1] as [Int8], as: .int2), { $0.int32Data = [39, 1] }),
      (.uint2, Tensor([3, 1, 2, 0, 1] as [UInt8], as: .uint2), { $0.int32Data = [39, 1] }),
    ]
    for (type, expected, fill) in cases {
      #expect(try read(tensor("t", type, [Int64(expected.count)], fill)) == expected, "\(type)")
    }
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let tensors = [
      Tensor([1.5, -0.0] as [Float], shape: [2, 1]), Tensor([-8, 7, 3] as [Int8], as: .int4),
      Tensor([3, 0, 2, 1, 1] as [UInt8], as: .uint2), Tensor([true, false]),
      Tensor(scalar: 7 as Int64), Tensor([] as [Float], shape: [0, 2]),
    ]
    for tensor in tensors {
      let bytes = try TensorFile(name: "a", tensor: tensor).bytes()
      let found = try TensorFile.read(bytes: bytes, name: "t.pb")
      #expect(found.name == "a" && found.tensor == tensor)
    }
  }

  @Test func readsScalarsAndEmptyTensors() throws {
    #expect(try read(floats("t", [], [2])) == Tensor(scalar: 2 as Float))
    #expect(try read(floats("t", [3, 0], [])) == Tensor([] as [Float], shape: [3, 0]))
  }

  @Test func refusesDataThatDoesNotFillTheShape() {
    #expect(
      failure(floats("t", [2, 2], [1, 2, 3]))
        == "t.pb: the tensor 't', float32[2×2], needs 4 values in float_data but has 3")
    #expect(
      failure(tensor("t", .int4, [3]) { $0.rawData = Data([1]) })
        == "t.pb: the tensor 't', int4[3], needs 2 bytes but has 1")
    #expect(
      failure(tensor("t", .float, [1]) { $0.doubleData = [1] })
        == "t.pb: the tensor 't', float32[1], needs 1 values in float_data but has 0")
  }

  @Test func refusesAbsurdShapes() {
    #expect(
      failure(floats("t", [2, -1], [])) == "t.pb: dimension 1 of the tensor 't' is -1")
    #expect(
      failure(floats("t", [1 << 40, 1 << 40], []))?.contains("more elements than memory") == true)
    #expect(
      failure(floats("t", [1 << 40, 1 << 40, 0], []))?.contains("more elements than memory") == true
    )
  }

  @Test func refusesValuesOutOfRangeAndDataGivenTwice() {
    #expect(
      failure(tensor("t", .uint8, [1]) { $0.int32Data = [300] })
        == "t.pb: the tensor 't' has the value 300, which no uint8 can be")
    #expect(
      failure(
        tensor("t", .float, [1]) {
          $0.floatData = [1]
          $0.rawData = Data([0, 0, 0, 0])
        }) == "t.pb: the tensor 't' has its data twice, as raw_data and float_data")
  }

  @Test func namesTypesThatAreNotSupported() {
    #expect(
      failure(tensor("t", .string, [1]) { $0.stringData = [Data("a".utf8)] })
        == "t.pb: the tensor 't' has elements of type string")
    #expect(
      failure(tensor("t", .float8E4M3Fn, [1]) { $0.int32Data = [1] })
        == "t.pb: the tensor 't' has elements of type float8E4M3Fn")
    #expect(
      failure(TensorProto.with { $0.name = "t" })
        == "t.pb: the tensor 't' has elements of type undefined")
  }
}
