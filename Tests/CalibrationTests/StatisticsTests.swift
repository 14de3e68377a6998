import Calibration
import Quantization
import Testing

@Suite struct StatisticsTests {
  @Test func partsMergeIntoTheWhole() throws {
    var first = try statistics(Array(0..<5), batch: 2, source: "first")
    let second = try statistics(Array(5..<9), batch: 3, source: "second")
    var other = second
    let whole = try statistics(Array(0..<9), batch: 9)
    try other.merge(first)
    try first.merge(second)
    #expect(first.tensors == whole.tensors)
    #expect(first.sampleCount == 9)
    // Which is merged into which makes no difference to the bytes.
    #expect(first.encoded() == other.encoded())
  }

  @Test func theSamePartDoesNotCountTwice() throws {
    var first = try statistics([0, 1], batch: 1)
    let same = try statistics([0, 1], batch: 2)
    let error = #expect(throws: CalibrationError.self) { try first.merge(same) }
    #expect(error?.description.contains("count twice") == true)
  }

  @Test func allPartsOfTheDataAreTheWhole() throws {
    func part(_ shard: Int, of count: Int) throws -> Statistics {
      try statistics(
        (0..<9).filter { $0 % count == shard }, batch: 2, source: "data", shard: shard, of: count)
    }
    let whole = try statistics(Array(0..<9), batch: 9, source: "data")
    for order in [[0, 1, 2], [2, 0, 1]] {
      var merged = try part(order[0], of: 3)
      for shard in order.dropFirst() { try merged.merge(part(shard, of: 3)) }
      #expect(merged.encoded() == whole.encoded())
    }
    // Parts of different divisions may share samples: 1 of 2 and 2 of 4 do not, the others do.
    var half = try part(0, of: 2)
    try half.merge(part(1, of: 4))
    for other in [try part(2, of: 4), try part(0, of: 3), whole] {
      let error = #expect(throws: CalibrationError.self) { try half.merge(other) }
      #expect(error?.description.contains("count twice") == true)
    }
  }

  @Test func statisticsAreBoundToTheModel() throws {
    var seen = try statistics([0], batch: 1)
    try seen.check(modelDigest: [UInt8](repeating: 7, count: 32))
    #expect(throws: CalibrationError.self) {
      try seen.check(modelDigest: [UInt8](repeating: 8, count: 32))
    }
    var other = try statistics([1], batch: 1, source: "other")
    other.modelDigest[31] = 0
    #expect(throws: CalibrationError.self) { try seen.merge(other) }
  }

  @Test func aFileReadsBack() throws {
    let seen = try statistics(Array(0..<4), batch: 2)
    let read = try Statistics(decoding: seen.encoded())
    #expect(read == seen)
  }

  @Test func damageIsNoticed() throws {
    let bytes = try statistics(Array(0..<3), batch: 3).encoded()
    for length in stride(from: 0, to: bytes.count, by: 37) {
      #expect(throws: CalibrationError.self) {
        try Statistics(decoding: Array(bytes.prefix(length)))
      }
    }
    for place in stride(from: 0, to: bytes.count, by: 11) {
      var damaged = bytes
      damaged[place] ^= 0x10
      #expect(throws: CalibrationError.self, "byte \(place)") { try Statistics(decoding: damaged) }
    }
    #expect(throws: CalibrationError.self) { try Statistics(decoding: bytes + [0]) }
  }
}
