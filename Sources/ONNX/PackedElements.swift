internal import Tensors

/// ONNX's packing of elements narrower than a byte: the first element in the lowest bits, the last
/// byte filled up with zeros.
enum PackedElements {
  /// Bytes that `count` elements take in a file.
  static func byteCount(_ count: Int, bits: Int) -> Int {
    bits >= 8 ? count * (bits / 8) : (count + 8 / bits - 1) / (8 / bits)
  }

  /// The elements of `packed` one to a byte, two's complement for a signed `type`.
  static func unpack(
    _ packed: UnsafeRawBufferPointer, as type: ElementType,
    into elements: UnsafeMutableRawBufferPointer
  ) {
    let bits = type.bitCount
    let perByte = 8 / bits
    let mask = (UInt8(1) << UInt8(bits)) - 1
    let sign = type.integerRange!.lowerBound < 0 ? UInt8(1) << UInt8(bits - 1) : 0
    for index in elements.indices {
      let code = (packed[index / perByte] >> UInt8(index % perByte * bits)) & mask
      elements[index] = (code ^ sign) &- sign
    }
  }

  /// The bytes of a file for `elements`, which lie one to a byte.
  static func pack(_ elements: UnsafeRawBufferPointer, bits: Int) -> [UInt8] {
    let perByte = 8 / bits
    let mask = (UInt8(1) << UInt8(bits)) - 1
    var packed = [UInt8](repeating: 0, count: byteCount(elements.count, bits: bits))
    for index in elements.indices {
      packed[index / perByte] |= (elements[index] & mask) << UInt8(index % perByte * bits)
    }
    return packed
  }
}
