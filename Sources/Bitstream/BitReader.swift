/// Reads syntax elements, most significant bit first, and never past the end.
///
/// Descriptors have the names of ITU-T H.266, clause 7.2: u(n), ue(v), se(v). Nothing is allocated on
/// the word of a syntax element alone: what is read must be there.
public struct BitReader: Sendable {
  private let bytes: [UInt8]

  /// Bits read so far.
  public private(set) var position = 0

  /// The position of the last bit that is 1; -1 where there is none.
  private let lastOne: Int

  /// Reads `bytes`.
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    lastOne =
      bytes.lastIndex { $0 != 0 }.map { $0 * 8 + 7 - bytes[$0].trailingZeroBitCount } ?? -1
  }

  /// Bits that are left.
  public var remaining: Int { bytes.count * 8 - position }

  /// The byte that holds the next bit.
  public var byte: Int { position >> 3 }

  /// Whether the next bit is the first one of a byte.
  public var isAligned: Bool { position & 7 == 0 }

  /// An error at the current position.
  public func error(_ element: String, _ reason: String) -> BitstreamError {
    BitstreamError(byte: byte, element: element, reason)
  }
}

// MARK: - Numbers

extension BitReader {
  /// u(n): an unsigned number of `width` bits, at most 32.
  public mutating func unsigned(
    _ width: Int, _ element: String
  ) throws(BitstreamError) -> Int {
    precondition((0...32).contains(width), "u(\(width)) is not read at once")
    guard width <= remaining else {
      throw error(element, "the data end, \(width) bits were expected")
    }
    var value = 0
    var missing = width
    while missing > 0 {
      let free = 8 - position & 7
      let taken = min(free, missing)
      let part = Int(bytes[position >> 3]) >> (free - taken) & (1 << taken - 1)
      value = value << taken | part
      position += taken
      missing -= taken
    }
    return value
  }

  /// u(1).
  public mutating func flag(_ element: String) throws(BitstreamError) -> Bool {
    try unsigned(1, element) == 1
  }

  /// An exponential Golomb code of order `order`: groups of 2^order, 2^(order + 1)... numbers, the
  /// group's number in zeros with a one behind them, then the place in the group. Order 0 is ue(v) of
  /// H.26x, any is ue(k) of ISO/IEC 15938-17.
  ///
  /// - Returns: at most 2^32 - 2.
  public mutating func unsignedGolomb(
    order: Int = 0, _ element: String
  ) throws(BitstreamError) -> Int {
    var width = order
    var base = 0
    while try !flag(element) {
      base += 1 << width
      width += 1
      guard width < 32 else { throw error(element, "the code is longer than 32 bits") }
    }
    let value = try base + unsigned(width, element)
    guard value < 1 << 32 - 1 else { throw error(element, "the value is more than 2^32 - 2") }
    return value
  }

  /// se(v): 0, 1, -1, 2, -2...
  public mutating func signedGolomb(_ element: String) throws(BitstreamError) -> Int {
    let code = try unsignedGolomb(element)
    return code & 1 == 1 ? (code + 1) / 2 : -(code / 2)
  }

  /// ue(v) that must lie in `range`.
  public mutating func unsignedGolomb(
    in range: ClosedRange<Int>, _ element: String
  ) throws(BitstreamError) -> Int {
    let start = byte
    let value = try unsignedGolomb(element)
    guard range.contains(value) else {
      throw BitstreamError(
        byte: start, element: element,
        "\(value) is not within \(range.lowerBound)...\(range.upperBound)")
    }
    return value
  }
}

// MARK: - Bytes and alignment

extension BitReader {
  /// `count` whole bytes.
  ///
  /// - Precondition: ``isAligned``.
  public mutating func bytes(
    _ count: Int, _ element: String
  ) throws(BitstreamError) -> [UInt8] {
    precondition(isAligned, "\(element) does not begin with a byte")
    guard count <= remaining / 8 else {
      throw error(element, "\(count) bytes were expected, \(remaining / 8) are left")
    }
    let start = position >> 3
    position += count * 8
    return Array(bytes[start..<start + count])
  }

  /// Whether the bytes that follow begin with `bytes`; nothing is read.
  ///
  /// - Precondition: ``isAligned``.
  public func isNext(_ expected: [UInt8]) -> Bool {
    precondition(isAligned, "what is next does not begin with a byte")
    return bytes[(position >> 3)...].starts(with: expected)
  }

  /// The bytes that are left.
  ///
  /// - Precondition: ``isAligned``.
  public mutating func rest() -> [UInt8] {
    precondition(isAligned, "the rest does not begin with a byte")
    defer { position = bytes.count * 8 }
    return Array(bytes[(position >> 3)...])
  }

  /// st(v): UTF-8 without control characters (C0, C1 and delete, which terminals obey) that a zero byte
  /// ends.
  public mutating func text(_ element: String) throws(BitstreamError) -> String {
    precondition(isAligned, "\(element) does not begin with a byte")
    let start = position >> 3
    guard let end = bytes[start...].firstIndex(of: 0) else {
      throw error(element, "no zero byte ends the text")
    }
    let text = try validated(bytes[start..<end], element)
    position = (end + 1) * 8
    return text
  }

  /// Bytes that must be UTF-8 without control characters.
  public func validated(
    _ bytes: some Collection<UInt8>, _ element: String
  ) throws(BitstreamError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw error(element, "the text is not UTF-8")
    }
    if let control = text.unicodeScalars.first(where: { $0.properties.generalCategory == .control })
    {
      throw error(element, "the text holds the control character \(control.value)")
    }
    return text
  }

  /// Bits up to the next byte, which must all be `bit`; none where ``isAligned``.
  public mutating func alignment(of bit: Int, _ element: String) throws(BitstreamError) {
    while !isAligned {
      guard try unsigned(1, element) == bit else { throw error(element, "a bit is not \(bit)") }
    }
  }

  /// A one, then zeros up to the next byte.
  public mutating func stopBit(_ element: String) throws(BitstreamError) {
    guard try flag(element) else { throw error(element, "the bit that ends the data is not 1") }
    try alignment(of: 0, element)
  }

  /// Bits before the last bit that is 1.
  public var remainingBeforeStop: Int { max(lastOne - position, 0) }

  /// more_rbsp_data(): whether there is anything before the last bit that is 1.
  public var hasMoreData: Bool { remainingBeforeStop > 0 }

  /// Throws where anything is left.
  public func end(_ element: String) throws(BitstreamError) {
    guard remaining == 0 else {
      throw error(element, "\((remaining + 7) / 8) bytes follow its end")
    }
  }
}
