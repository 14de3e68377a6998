import Checksums
import Quantization

// The format, version 2. Numbers are little-endian; a "varint" is LEB128.
//
//     magic            8 bytes   "LOWBSTAT"
//     version          4 bytes   2
//     model            32 bytes  SHA-256 of the model's file
//     sources          varint count, then each: text, varint shard, shard count, samples
//     tensors          varint count, then each, in the order of names:
//       name           text
//       element count  varint
//       layout         1 byte    0 growing, 1 fixed
//       bins a side    varint
//       exponent       1 byte    signed
//       zeros, nans, +infinities, -infinities, clipped below, clipped above   varints
//       has extrema    1 byte    0 or 1; then minimum and maximum as 4 bytes of float32 each
//       counts         varint position of the first bin in use, varint number of bins to the last,
//                      varint each
//       channels       varint number of channels, 0 for none; then varint number of means, and 16 bytes
//                      a channel: the sum of its means in units of 2^-60, signed
//       patches        varint number of kinds of patches; then each as `PatchMoments+File.swift` says.
//                      Version 1 ends before this
//     checksum         32 bytes  SHA-256 of everything before it
//
// A text is a varint count of bytes and UTF-8.

extension Statistics {
  private static var magic: [UInt8] { Array("LOWBSTAT".utf8) }
  private static var version: UInt8 { 2 }

  /// The statistics as the bytes of a file; the same statistics give the same bytes.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.bytes += Self.magic + [Self.version, 0, 0, 0] + modelDigest
    writer.number(sources.count)
    for source in sources {
      writer.text(source.data)
      for number in [source.shard, source.shardCount, source.sampleCount] { writer.number(number) }
    }
    writer.number(tensors.count)
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      writer.text(name)
      writer.number(tensor.elementCount)
      writer.histogram(tensor.histogram)
      writer.channels(tensor.channels)
      writer.patches(tensor.patches)
    }
    return writer.bytes + SHA256.digest(of: writer.bytes)
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``CalibrationError`` when they are not statistics, are damaged or of a version that is
  ///   not known.
  public init(decoding bytes: [UInt8]) throws(CalibrationError) {
    guard bytes.starts(with: Self.magic) else {
      throw CalibrationError("these are no statistics of 'qtool calibrate'")
    }
    guard bytes.count > 12, (1...Self.version).contains(bytes[8]),
      bytes[9..<12].elementsEqual([0, 0, 0])
    else {
      throw CalibrationError("the statistics are of a version that is not known here")
    }
    guard bytes.count >= 76, SHA256.digest(of: Array(bytes.dropLast(32))) == bytes.suffix(32) else {
      throw CalibrationError("the statistics are damaged: their checksum does not fit")
    }
    var reader = ByteReader(Array(bytes[12..<(bytes.count - 32)]))
    let digest = try reader.take(32)
    var sources: [Source] = []
    for _ in 0..<(try reader.integer()) {
      sources.append(
        Source(
          data: try reader.text(), shard: try reader.integer(),
          shardCount: try reader.integer(), sampleCount: try reader.integer()))
    }
    guard sources.allSatisfy({ $0.sampleCount <= Int.max / max(sources.count, 1) }) else {
      throw CalibrationError("the statistics hold a number of samples that is too large")
    }
    var tensors: [String: TensorStatistics] = [:]
    for _ in 0..<(try reader.integer()) {
      let name = try reader.text()
      let count = try reader.number()
      let histogram = try reader.histogram(of: name)
      guard histogram.count == count else {
        throw CalibrationError("the statistics of '\(name)' contradict themselves")
      }
      tensors[name] = TensorStatistics(
        histogram: histogram, elementCount: count, channels: try reader.channels(),
        patches: bytes[8] > 1 ? try reader.patches(of: name) : [:])
    }
    guard reader.isAtEnd else { throw CalibrationError("the statistics have a tail") }
    self.init(modelDigest: Array(digest), sources: sources, tensors: tensors)
  }
}

extension ByteWriter {
  fileprivate mutating func channels(_ channels: ChannelSums?) {
    number(channels?.sums.count ?? 0)
    guard let channels else { return }
    number(channels.count)
    for sum in channels.sums {
      for shift in stride(from: 0, to: 128, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: sum >> Int128(shift)))
      }
    }
  }

  fileprivate mutating func histogram(_ histogram: Histogram) {
    bytes.append(histogram.layout.fixedExponent == nil ? 0 : 1)
    number(histogram.binsPerSide)
    bytes.append(UInt8(bitPattern: Int8(histogram.exponent)))
    for count in [
      histogram.zeros, histogram.nans, histogram.positiveInfinities, histogram.negativeInfinities,
      histogram.clippedBelow, histogram.clippedAbove,
    ] { number(count) }
    if let minimum = histogram.minimum, let maximum = histogram.maximum {
      bytes.append(1)
      for extremum in [minimum, maximum] { fixed(extremum.bitPattern) }
    } else {
      bytes.append(0)
    }
    let first = histogram.counts.firstIndex { $0 != 0 } ?? 0
    let end = histogram.counts.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
    number(first)
    number(max(end - first, 0))
    for count in histogram.counts[first..<max(end, first)] { number(count) }
  }
}

extension ByteReader {
  fileprivate mutating func channels() throws(CalibrationError) -> ChannelSums? {
    let channels = try integer()
    guard channels > 0 else { return nil }
    let count = try number()
    var sums: [Int128] = []
    for _ in 0..<channels {
      var bits: UInt128 = 0
      for byte in try take(16).reversed() { bits = bits << 8 | UInt128(byte) }
      sums.append(Int128(bitPattern: bits))
    }
    return ChannelSums(sums: sums, count: count)
  }

  fileprivate mutating func histogram(of name: String) throws(CalibrationError) -> Histogram {
    let damaged = CalibrationError("the statistics of '\(name)' contradict themselves")
    let isFixed = try byte() == 1
    let bins = try integer()
    guard Histogram.binsPerSideRange.contains(bins), bins & (bins - 1) == 0 else { throw damaged }
    let exponent = Int(Int8(bitPattern: try byte()))
    guard Histogram.exponentRange.contains(exponent) else { throw damaged }
    var numbers: [UInt64] = []
    for _ in 0..<6 { numbers.append(try number()) }
    var extrema: [Float?] = [nil, nil]
    if try byte() == 1 {
      for position in 0..<2 { extrema[position] = Float(bitPattern: try fixed()) }
    }
    let first = try integer()
    let length = try integer()
    guard first <= 2 * bins, length <= 2 * bins - first else { throw damaged }
    var counts = [UInt64](repeating: 0, count: 2 * bins)
    for position in 0..<length { counts[first + position] = try number() }
    guard
      let histogram = Histogram(
        layout: isFixed
          ? .fixed(exponent: exponent, binsPerSide: bins) : .growing(binsPerSide: bins),
        exponent: exponent, counts: counts, zeros: numbers[0], nans: numbers[1],
        positiveInfinities: numbers[2], negativeInfinities: numbers[3], clippedBelow: numbers[4],
        clippedAbove: numbers[5], minimum: extrema[0], maximum: extrema[1])
    else { throw damaged }
    return histogram
  }
}
