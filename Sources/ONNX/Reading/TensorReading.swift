internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import Tensors

/// Reads `TensorProto` in every encoding ONNX has for the element types that tensors here have.
struct TensorReader {
  /// The files that hold external data.
  let external: ExternalData

  /// The tensor that `proto` holds; `proto` gives up its bytes, so that a model's weights are in
  /// memory once and not twice. `label` is how messages name the tensor.
  func tensor(_ proto: inout TensorProto, label: String) throws -> Tensor {
    guard let type = ElementType(onnx: proto.dataType) else {
      throw GraphError.unsupported(
        "\(label) has elements of type \(ElementType.onnxName(proto.dataType))")
    }
    guard !proto.hasSegment else {
      throw GraphError.unsupported("\(label) is cut into segments")
    }
    let shape = try shape(proto.dims, of: type, label: label)
    let sources = dataSources(proto)
    guard sources.count <= 1 else {
      throw GraphError.invalid("\(label) has its data twice, as \(sources[0]) and \(sources[1])")
    }
    defer {
      proto.clearRawData()
      proto.floatData = []
      proto.int32Data = []
      proto.int64Data = []
      proto.doubleData = []
      proto.uint64Data = []
    }
    let count = shape.reduce(1, *)
    if proto.dataLocation == .external {
      return try external.tensor(proto.externalData, type: type, shape: shape, label: label)
    }
    if proto.hasRawData {
      let needed = PackedElements.byteCount(count, bits: type.bitCount)
      guard proto.rawData.count == needed else {
        throw GraphError.invalid(
          "\(label), \(describe(type, shape)), needs \(needed) bytes but has \(proto.rawData.count)"
        )
      }
      return proto.rawData.withUnsafeBytes { Self.tensor(bytes: $0, type: type, shape: shape) }
    }
    return try typedTensor(proto, type: type, shape: shape, label: label)
  }

  /// A tensor from the bytes of a file, as many as `type` and `shape` need.
  static func tensor(bytes: UnsafeRawBufferPointer, type: ElementType, shape: [Int]) -> Tensor {
    let storage = TensorStorage(byteCount: shape.reduce(type.byteCount, *))
    let elements = UnsafeMutableRawBufferPointer(start: storage.bytes, count: storage.byteCount)
    if type.bitCount < 8 {
      PackedElements.unpack(bytes, as: type, into: elements)
    } else if type == .bool {
      for index in elements.indices { elements[index] = bytes[index] == 0 ? 0 : 1 }
    } else {
      elements.copyMemory(from: bytes)
    }
    return Tensor(elementType: type, shape: shape, storage: storage)
  }

  private func shape(_ dims: [Int64], of type: ElementType, label: String) throws -> [Int] {
    var bytes = type.byteCount
    for (axis, extent) in dims.enumerated() {
      guard extent >= 0 else {
        throw GraphError.invalid("dimension \(axis) of \(label) is \(extent)")
      }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: Int(extent))
      // The margin keeps later arithmetic on byte counts from overflowing.
      guard !overflow, product < Int.max / 64 else {
        throw GraphError.invalid("\(label) has more elements than memory has bytes: \(dims)")
      }
      bytes = product
    }
    return dims.map(Int.init)
  }

  private func dataSources(_ proto: TensorProto) -> [String] {
    var sources: [String] = []
    if proto.dataLocation == .external { sources.append("external data") }
    if proto.hasRawData && !(proto.rawData.isEmpty && proto.dataLocation == .external) {
      sources.append("raw_data")
    }
    if !proto.floatData.isEmpty { sources.append("float_data") }
    if !proto.int32Data.isEmpty { sources.append("int32_data") }
    if !proto.int64Data.isEmpty { sources.append("int64_data") }
    if !proto.doubleData.isEmpty { sources.append("double_data") }
    if !proto.uint64Data.isEmpty { sources.append("uint64_data") }
    return sources
  }
}

// MARK: - Typed fields

extension TensorReader {
  private func typedTensor(
    _ proto: TensorProto, type: ElementType, shape: [Int], label: String
  ) throws -> Tensor {
    let values = TypedValues(type: type, shape: shape, label: label)
    switch type {
    case .float32: return try values.same(proto.floatData, field: "float_data")
    case .float64: return try values.same(proto.doubleData, field: "double_data")
    case .int64: return try values.same(proto.int64Data, field: "int64_data")
    case .uint64: return try values.same(proto.uint64Data, field: "uint64_data")
    case .int32: return try values.same(proto.int32Data, field: "int32_data")
    case .uint32:
      return try values.narrowed(proto.uint64Data, to: UInt32.self, field: "uint64_data")
    case .int16: return try values.narrowed(proto.int32Data, to: Int16.self, field: "int32_data")
    case .int8: return try values.narrowed(proto.int32Data, to: Int8.self, field: "int32_data")
    case .uint8: return try values.narrowed(proto.int32Data, to: UInt8.self, field: "int32_data")
    case .uint16, .float16, .bfloat16:
      return try values.narrowed(proto.int32Data, to: UInt16.self, field: "int32_data")
    case .bool:
      return try values.same(proto.int32Data.map { $0 != 0 }, field: "int32_data")
    case .int4, .uint4, .int2, .uint2: return try values.packed(proto.int32Data)
    }
  }
}

/// Turns the values of a typed field into a tensor.
private struct TypedValues {
  let type: ElementType
  let shape: [Int]
  let label: String

  func check(_ count: Int, needed: Int, field: String) throws {
    guard count == needed else {
      throw GraphError.invalid(
        "\(label), \(describe(type, shape)), needs \(needed) values in \(field) but has \(count)")
    }
  }

  func same<Scalar: TensorScalar>(_ values: [Scalar], field: String) throws -> Tensor {
    try check(values.count, needed: shape.reduce(1, *), field: field)
    return Tensor(values, shape: shape, as: type)
  }

  func narrowed<Wide: BinaryInteger, Scalar: TensorScalar & FixedWidthInteger>(
    _ values: [Wide], to _: Scalar.Type, field: String
  ) throws -> Tensor {
    try check(values.count, needed: shape.reduce(1, *), field: field)
    return try Tensor(shape: shape, as: type) { (elements: UnsafeMutableBufferPointer<Scalar>) in
      for (index, value) in values.enumerated() {
        guard let scalar = Scalar(exactly: value) else {
          throw GraphError.invalid("\(label) has the value \(value), which no \(type) can be")
        }
        elements[index] = scalar
      }
    }
  }

  /// Every value is one packed byte.
  func packed(_ values: [Int32]) throws -> Tensor {
    let needed = PackedElements.byteCount(shape.reduce(1, *), bits: type.bitCount)
    try check(values.count, needed: needed, field: "int32_data")
    if let wrong = values.first(where: { !(-128...255).contains($0) }) {
      throw GraphError.invalid(
        "\(label) has the value \(wrong), which is no byte of packed \(type)")
    }
    let bytes = values.map { UInt8(truncatingIfNeeded: $0) }
    return bytes.withUnsafeBytes { TensorReader.tensor(bytes: $0, type: type, shape: shape) }
  }
}

/// How messages describe a tensor's type and shape.
func describe(_ type: ElementType, _ shape: [Int]) -> String {
  "\(type)[\(shape.map(String.init).joined(separator: "×"))]"
}
