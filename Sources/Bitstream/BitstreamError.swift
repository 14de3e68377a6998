/// What is wrong with a bitstream, and where.
public struct BitstreamError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The byte at which it was found, counted from the beginning of what was read.
  public let byte: Int

  /// The syntax element that was read, by the name that its standard gives it.
  public let element: String

  /// What is wrong with it.
  public let reason: String

  /// Where the bytes stand, from the outside to the inside: a file, a NAL unit, a message.
  public private(set) var places: [String] = []

  /// An error at a byte of a syntax element.
  public init(byte: Int, element: String, _ reason: String) {
    self.byte = byte
    self.element = element
    self.reason = reason
  }

  /// The same error inside of `place`.
  public func located(in place: String) -> BitstreamError {
    var copy = self
    copy.places.insert(place, at: 0)
    return copy
  }

  /// `stream.bit: NAL unit at byte 80: byte 3: payload_size: ...`
  public var description: String {
    (places + ["byte \(byte)", element, reason]).joined(separator: ": ")
  }
}

/// Runs `body`; its errors get `place` in front.
public func inside<Result>(
  _ place: @autoclosure () -> String, _ body: () throws(BitstreamError) -> Result
) throws(BitstreamError) -> Result {
  do {
    return try body()
  } catch {
    throw error.located(in: place())
  }
}
