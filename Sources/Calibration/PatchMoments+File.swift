// The moments of one kind of patches in a file of statistics:
//
//     channels are     1 byte    0 second, 1 last
//     groups           varint
//     kernel           varint number of spatial dimensions, then varint each; strides and dilations
//     border           1 byte    0 zeros: then varint each before, and each behind; 1 SAME_UPPER;
//                                2 SAME_LOWER
//     channels         varint
//     patches          varint
//     sums             of elements, of products within units, of products between units, all signed, in
//                      units of 2^-60: varint each, of 2 s where s is not negative, of -2 s - 1 where it is

extension ByteWriter {
  /// The kinds of patches in the order of their bytes.
  mutating func patches(_ patches: [PatchGeometry: PatchMoments]) {
    number(patches.count)
    let written = patches.map { geometry, moments in
      var writer = ByteWriter()
      writer.geometry(geometry)
      return (key: writer.bytes, moments: moments)
    }
    for (key, moments) in written.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      bytes += key
      number(moments.layout.channels)
      number(moments.count)
      for list in [moments.sums, moments.own, moments.cross] { signed(list) }
    }
  }

  private mutating func geometry(_ geometry: PatchGeometry) {
    bytes.append(geometry.channelAxis == .second ? 0 : 1)
    number(geometry.groups)
    number(geometry.kernel.count)
    for list in [geometry.kernel, geometry.strides, geometry.dilations] {
      for extent in list { number(extent) }
    }
    switch geometry.border {
    case .zeros(let before, let after):
      bytes.append(0)
      for zeros in before + after { number(zeros) }
    case .same(let oddZeroFirst): bytes.append(oddZeroFirst ? 2 : 1)
    }
  }

  private mutating func signed(_ integers: [Int128]) {
    for integer in integers {
      var rest = UInt128(bitPattern: integer << 1 ^ integer >> 127)
      while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: rest))
    }
  }
}

extension ByteReader {
  mutating func patches(
    of name: String
  ) throws(CalibrationError) -> [PatchGeometry: PatchMoments] {
    let damaged = CalibrationError("the moments of patches of '\(name)' contradict themselves")
    var patches: [PatchGeometry: PatchMoments] = [:]
    for _ in 0..<(try integer()) {
      guard let geometry = try geometry() else { throw damaged }
      let channels = try integer()
      guard
        let taps = geometry.kernel.reduce(
          1,
          { product, extent in
            product.flatMap { $0 > 4096 ? nil : $0 * extent }
          }),
        let layout = PatchMoments.Layout(channels: channels, taps: taps, groups: geometry.groups)
      else { throw damaged }
      var moments = PatchMoments(layout)
      moments.count = try number()
      for place in moments.sums.indices { moments.sums[place] = try signed() }
      for place in moments.own.indices { moments.own[place] = try signed() }
      for place in moments.cross.indices { moments.cross[place] = try signed() }
      guard patches.updateValue(moments, forKey: geometry) == nil else { throw damaged }
    }
    return patches
  }

  private mutating func geometry() throws(CalibrationError) -> PatchGeometry? {
    let axis: ChannelAxis = try byte() == 0 ? .second : .last
    let groups = try integer()
    let rank = try integer()
    guard rank <= 16 else { return nil }
    var lists: [[Int]] = []
    for _ in 0..<3 { lists.append(try integers(rank)) }
    guard lists.joined().allSatisfy({ $0 > 0 && $0 <= 1 << 30 }) else { return nil }
    let border: PatchGeometry.Border
    switch try byte() {
    case 0: border = .zeros(before: try integers(rank), after: try integers(rank))
    case 1: border = .same(oddZeroFirst: false)
    case 2: border = .same(oddZeroFirst: true)
    default: return nil
    }
    guard rank > 0 else { return PatchGeometry(points: axis, groups: groups) }
    return PatchGeometry(
      kernel: lists[0], strides: lists[1], dilations: lists[2], border: border, groups: groups)
  }

  private mutating func integers(_ count: Int) throws(CalibrationError) -> [Int] {
    var integers: [Int] = []
    for _ in 0..<count { integers.append(try integer()) }
    return integers
  }

  private mutating func signed() throws(CalibrationError) -> Int128 {
    var value: UInt128 = 0
    for shift in stride(from: UInt128(0), to: 133, by: 7) {
      let byte = try byte()
      let part = UInt128(byte & 0x7f)
      guard shift < 126 || part <= 3 else { break }
      value |= part << shift
      if byte < 0x80 { return Int128(bitPattern: value >> 1) ^ -Int128(bitPattern: value & 1) }
    }
    throw CalibrationError("the statistics hold a number that is too large")
  }
}
