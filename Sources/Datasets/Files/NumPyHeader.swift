import Tensors

/// The header of an array in NumPy's format, versions 1.0 to 3.0, read strictly: little-endian
/// elements in C order, exactly the three keys that the format prescribes.
///
/// Source: NumPy's `numpy.lib.format` documentation (NEP 1).
struct NumPyHeader: Equatable {
  var elementType: ElementType
  var shape: [Int]

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  private static let types: [(code: String, type: ElementType)] = [
    ("<f4", .float32), ("<f8", .float64), ("<f2", .float16), ("|i1", .int8), ("<i2", .int16),
    ("<i4", .int32), ("<i8", .int64), ("|u1", .uint8), ("<u2", .uint16), ("<u4", .uint32),
    ("<u8", .uint64), ("|b1", .bool),
  ]

  init(elementType: ElementType, shape: [Int]) {
    self.elementType = elementType
    self.shape = shape
  }

  /// The number of bytes of all elements; `nil` when no machine could hold so many.
  var byteCount: Int? {
    var product = elementType.byteCount
    for extent in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      product = next
    }
    return product
  }
}

// MARK: - Reading

extension NumPyHeader {
  /// Reads the header at the start of `source`; returns it with the offset of the elements.
  static func read(from source: ByteSource) throws(DataError) -> (header: Self, offset: Int) {
    let start = try source.bytes(at: 0, count: min(12, source.count))
    guard start.count >= 10, Array(start[..<6]) == magic else {
      throw DataError(file: source.path, "is not a NumPy array: its first bytes are not \\x93NUMPY")
    }
    let isLong = start[6] >= 2
    guard (1...3).contains(start[6]), start[7] == 0, !isLong || start.count == 12 else {
      throw DataError(
        file: source.path, "has NumPy format version \(start[6]).\(start[7]); known are 1.0 to 3.0")
    }
    let length = (0..<(isLong ? 4 : 2)).reduce(0) { $0 | Int(start[8 + $1]) << (8 * $1) }
    let offset = (isLong ? 12 : 10) + length
    guard length <= 1 << 16, offset <= source.count else {
      throw DataError(file: source.path, "ends within its NumPy header")
    }
    let text = try source.bytes(at: offset - length, count: length)
    var parser = HeaderParser(text: text[...], path: source.path)
    return (try parser.header(), offset)
  }
}

/// Parses the header's Python dictionary.
private struct HeaderParser {
  var text: ArraySlice<UInt8>
  let path: String

  mutating func header() throws(DataError) -> NumPyHeader {
    var type: ElementType?
    var shape: [Int]?
    var isFortranOrder: Bool?
    try expect("{")
    while !takes("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try elementType()
      case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
      case "shape" where shape == nil: shape = try tuple()
      default: throw fault("has an unexpected key '\(key)'")
      }
      if !takes(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard text.isEmpty, let type, let shape, let isFortranOrder else {
      throw fault("is not a dictionary of descr, fortran_order and shape")
    }
    guard !isFortranOrder || shape.count < 2 else {
      throw DataError(
        file: path, "is in Fortran order; save numpy.ascontiguousarray(array) instead")
    }
    return NumPyHeader(elementType: type, shape: shape)
  }

  private func fault(_ message: String) -> DataError {
    DataError(file: path, "its NumPy header \(message)")
  }

  private mutating func skipSpace() {
    text = text.drop { $0 == 0x20 || $0 == 0x0a || $0 == 0x09 || $0 == 0x0d }
  }

  private mutating func takes(_ token: String) -> Bool {
    skipSpace()
    guard text.starts(with: token.utf8) else { return false }
    text = text.dropFirst(token.utf8.count)
    return true
  }

  private mutating func expect(_ token: String) throws(DataError) {
    guard takes(token) else { throw fault("lacks a '\(token)'") }
  }

  private mutating func string() throws(DataError) -> String {
    skipSpace()
    guard let quote = text.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw fault("lacks a quoted name")
    }
    let inside = text.dropFirst().prefix { $0 != quote }
    text = text.dropFirst(inside.count + 2)
    return String(decoding: inside, as: UTF8.self)
  }

  private mutating func boolean() throws(DataError) -> Bool {
    if takes("True") { return true }
    if takes("False") { return false }
    throw fault("lacks True or False after fortran_order")
  }

  private mutating func elementType() throws(DataError) -> ElementType {
    skipSpace()
    if text.first == UInt8(ascii: "[") { throw DataError(file: path, "holds records, not numbers") }
    let code = try string()
    if let type = NumPyHeader.type(of: code) { return type }
    if code.hasPrefix(">") {
      throw DataError(file: path, "has big-endian elements (\(code)); only little-endian is read")
    }
    throw DataError(
      file: path,
      "has elements of type '\(code)'; read are float16, float32, float64, integers and bool")
  }

  private mutating func tuple() throws(DataError) -> [Int] {
    var extents: [Int] = []
    try expect("(")
    while !takes(")") {
      skipSpace()
      let digits = text.prefix { (0x30...0x39).contains($0) }
      guard !digits.isEmpty, let extent = Int(String(decoding: digits, as: UTF8.self)) else {
        throw fault("has a shape that is not a tuple of whole numbers")
      }
      text = text.dropFirst(digits.count)
      extents.append(extent)
      if !takes(",") {
        try expect(")")
        break
      }
    }
    return extents
  }
}

extension NumPyHeader {
  fileprivate static func type(of code: String) -> ElementType? {
    types.first { $0.code == code }?.type
  }
}

// MARK: - Writing

extension NumPyHeader {
  /// The header as NumPy itself writes it: version 1.0, padded so that elements start at a multiple
  /// of 64; `nil` for a type that NumPy lacks.
  var bytes: [UInt8]? {
    guard let code = Self.types.first(where: { $0.type == elementType })?.code else { return nil }
    let extents = shape.map(String.init).joined(separator: ", ")
    let tuple = "(\(extents)\(shape.count == 1 ? "," : ""))"
    var text = "{'descr': '\(code)', 'fortran_order': False, 'shape': \(tuple), }"
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    let length = text.utf8.count
    precondition(length < 1 << 16, "a shape of \(shape.count) dimensions")
    return Self.magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(text.utf8)
  }
}
