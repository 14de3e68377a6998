/// What hashes by Merkle and Damgård have in common: blocks of 64 bytes, and the message's length at the
/// end of the last one.
protocol BlockHash {
  /// The beginning of a block that is not yet full.
  var pending: [UInt8] { get set }
  /// Bytes of the message so far.
  var length: UInt64 { get set }

  /// Takes a block of 64 bytes.
  mutating func compress(_ block: UnsafeRawBufferPointer)
}

extension BlockHash {
  /// Appends bytes to the message.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let taken = rest.prefix(64 - pending.count)
      pending.append(contentsOf: taken)
      rest = rest.dropFirst(taken.count)
      guard pending.count == 64 else { return }
      let block = pending
      block.withUnsafeBytes { compress($0) }
      pending.removeAll(keepingCapacity: true)
    }
    while rest.count >= 64 {
      compress(UnsafeRawBufferPointer(rebasing: rest.prefix(64)))
      rest = rest.dropFirst(64)
    }
    pending.append(contentsOf: rest)
  }

  /// Appends a one, zeros, and the message's length in bits as eight bytes: the end of a block.
  mutating func appendEnd(lengthBytes: (UInt64) -> [UInt8]) {
    let bits = length &* 8
    let used = (pending.count + 1) % 64
    let zeros = [UInt8](repeating: 0, count: (56 - used + 64) % 64)
    ([0x80] + zeros + lengthBytes(bits)).withUnsafeBytes { append($0) }
  }
}
