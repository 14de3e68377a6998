import Tensors
import Testing

@testable import Datasets

@Suite struct TrainingStreamTests {
  let folder = TemporaryFolder()

  /// 23 samples, each its number; labels are twice the number.
  func numbers(batchSize: Int = 5, seed: UInt64 = 1) throws -> TrainingStream {
    try NumPyFile.writeArchive(
      [
        "x": Tensor((0..<23).map(Float.init), shape: [23, 1]),
        "labels": Tensor((0..<23).map { Int64(2 * $0) }),
      ], to: "\(folder.path)/n.npz", overwrite: true)
    return try TrainingStream(
      dataset("\(folder.path)/n.npz", .image([nil, 1], name: "x")), batchSize: batchSize,
      seed: seed)
  }

  /// Eight gray pictures.
  func pictures(_ augmentation: String?, seed: UInt64 = 1) throws -> TrainingStream {
    let images = (0..<8).flatMap { number in
      pattern(height: 6, width: 6, channels: 1).pixels.map { $0 &+ UInt8(20 * number) }
    }
    folder.write([0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, 6, 0, 0, 0, 6] + images, "p-images-idx3-ubyte")
    return try TrainingStream(
      dataset("\(folder.path)/p-images-idx3-ubyte", .image([nil, 1, 6, 6])), batchSize: 4,
      seed: seed, augmentation: try augmentation.map { try Augmentation(parsing: $0) })
  }

  func samples(_ stream: TrainingStream, epoch: Int) throws -> [Float] {
    try (0..<stream.batchesPerEpoch).flatMap {
      try stream.batch(at: epoch * stream.batchesPerEpoch + $0).inputs["x"]!.array(of: Float.self)
    }
  }

  @Test func shufflesEveryEpochAnew() throws {
    let stream = try numbers()
    #expect(stream.batchesPerEpoch == 4 && stream.leftOver == 3)
    let epochs = try (0..<6).map { try samples(stream, epoch: $0) }
    for epoch in epochs { #expect(Set(epoch).count == 20) }
    #expect(Set(epochs).count == 6)
    // What is left out differs, so that in the end everything is seen.
    #expect(Set(epochs.flatMap(\.self)).count == 23)
    #expect(try samples(numbers(), epoch: 3) == epochs[3])
    #expect(try samples(numbers(seed: 2), epoch: 3) != epochs[3])
    let batch = try stream.batch(at: 2)
    #expect(
      batch.inputs["x"]!.array(of: Float.self).map { Int($0) * 2 }
        == batch.samples.map { $0.label!.index })
  }

  @Test func changesImagesBySampleAndEpoch() throws {
    let plain = try pictures(nil)
    let changed = try pictures("flip,crop:1,rotate:9")
    var seen: [Tensor] = []
    for number in 0..<8 {
      let batch = try changed.batch(at: number)
      #expect(try batch.inputs == pictures("flip,crop:1,rotate:9").batch(at: number).inputs)
      #expect(try batch.inputs != plain.batch(at: number).inputs)
      #expect(try batch.samples.map(\.name) == plain.batch(at: number).samples.map(\.name))
      seen.append(batch.inputs["image"]!)
    }
    for first in seen.indices { for other in 0..<first { #expect(seen[first] != seen[other]) } }
    #expect(
      try pictures("flip", seed: 9).batch(at: 0).inputs != pictures("flip").batch(at: 0).inputs)
  }

  @Test func calibrationIsWholeBatchesUnchanged() throws {
    let plain = try pictures("flip").calibration(count: 100)
    #expect(plain.count == 2 && plain[0]["image"]?.shape == [4, 1, 6, 6])
    #expect(try pictures(nil).calibration(count: 100) == plain)
    #expect(try pictures(nil).calibration(count: 1).count == 1)
  }

  @Test(arguments: [1, 2, 5])
  func loadsInOrderWithAnyNumberOfThreads(_ threads: Int) throws {
    let stream = try numbers()
    let loader = BatchLoader(stream, 3..<40, threads: threads)
    for number in 3..<40 {
      let batch = try #require(try loader.next())
      #expect(try batch.inputs == stream.batch(at: number).inputs)
    }
    #expect(try loader.next() == nil)
    #expect(try loader.next() == nil)
    // One that is given up in the middle, and one with nothing to do.
    _ = try BatchLoader(stream, 0..<1_000_000, threads: threads).next()
    #expect(try BatchLoader(stream, 7..<7, threads: threads).next() == nil)
  }

  @Test func anErrorComesInItsPlaceAndIsTheLast() throws {
    struct Broken: Dataset {
      let count = 12
      let name = "broken"
      func sample(at index: Int) throws -> Sample {
        if index == 5 { throw DataError(file: name, sample: index, "is damaged") }
        return Sample(inputs: ["x": Tensor([Float(index)], shape: [1, 1])], name: "\(index)")
      }
    }
    let stream = try TrainingStream(Broken(), batchSize: 2, seed: 4)
    let bad = try #require((0..<6).first { (try? stream.batch(at: $0)) == nil })
    let loader = BatchLoader(stream, 0..<60, threads: 3)
    for _ in 0..<bad { #expect(try loader.next() != nil) }
    let error = #expect(throws: DataError.self) { try loader.next() }
    #expect(error?.description == "broken: sample 5: is damaged")
    #expect(try loader.next() == nil)
  }

  @Test func refusesWhatMakesNoBatch() throws {
    #expect(
      message { _ = try numbers(batchSize: 24) }.contains("23 samples, fewer than a batch of 24"))
    let data = try numbers().data
    #expect(
      message {
        _ = try TrainingStream(
          data, batchSize: 2, seed: 0, augmentation: Augmentation(parsing: "flip"))
      }.contains("not read as images"))
    struct Mixed: Dataset {
      let count = 4
      let name = "mixed"
      func sample(at index: Int) throws -> Sample {
        Sample(
          inputs: ["x": Tensor(repeating: Float(0), shape: [1, index + 1])], name: "mixed \(index)")
      }
    }
    #expect(
      message { _ = try TrainingStream(Mixed(), batchSize: 2, seed: 0).batch(at: 0) }
        .contains("shape differs"))
  }
}
