import Tensors
import Testing

@testable import Datasets

@Suite struct PreparationTests {
  let folder = TemporaryFolder()

  func array(_ tensor: Tensor, _ options: String = "") throws -> String {
    try NumPyFile.write(tensor, to: "\(folder.path)/a.npy", overwrite: true)
    return "\(folder.path)/a.npy\(options)"
  }

  @Test func normalizesByChannel() throws {
    folder.write(png(pattern(height: 4, width: 6, channels: 3)), "a.png")
    let options = "?crop=2&scale=1/255&mean=0.5,0.25,0&std=2,1,0.5"
    let image = pattern(height: 4, width: 6, channels: 3).croppedAtCentre(
      to: .init(height: 2, width: 2))
    let values = image.pixels.enumerated().map { index, x in
      Float((Double(x) / 255 - [0.5, 0.25, 0][index % 3]) / [2, 1, 0.5][index % 3])
    }
    let nhwc = try dataset(folder.path + options, .image([nil, 2, 2, 3])).sample(at: 0)
    #expect(nhwc.inputs["image"] == Tensor(values, shape: [1, 2, 2, 3]))
    let nchw = try dataset(folder.path + options, .image([nil, 3, nil, nil])).sample(at: 0)
    let planes = (0..<3).flatMap { channel in (0..<4).map { values[3 * $0 + channel] } }
    #expect(nchw.inputs["image"] == Tensor(planes, shape: [1, 3, 2, 2]))
    let bgr = try dataset(folder.path + "?crop=2&channels=bgr", .image([nil, 2, 2, 3])).sample(
      at: 0)
    let reversed = image.withChannelsReversed().pixels.map(Float.init)
    #expect(bgr.inputs["image"] == Tensor(reversed, shape: [1, 2, 2, 3]))
  }

  @Test func normalizesArrays() throws {
    let spec = try array(
      Tensor([1, 2, 3, 4] as [Float], shape: [1, 2, 2]), "?mean=1,2&std=2,4&layout=nchw")
    let sample = try dataset(spec, .image([nil, 2, 2])).sample(at: 0)
    #expect(sample.inputs["image"] == Tensor([0, 0.5, 0.25, 0.5] as [Float], shape: [1, 2, 2]))
    #expect(
      message {
        _ = try dataset(
          array(Tensor([1, 2, 3] as [Float], shape: [1, 3]), "?mean=1,2"), .image([nil, 3])
        )
        .sample(at: 0)
      }.contains("mean has 2 and std 1 values"))
  }

  /// One rounding, from the exact product of the fraction.
  @Test func fractionsAreExact() throws {
    let bytes = (0...255).map { UInt8($0) }
    let spec = try array(Tensor(bytes, shape: [1, 256]), "?scale=1/255")
    let sample = try dataset(spec, .image([nil, 256])).sample(at: 0)
    #expect(sample.inputs["image"]?.array() == bytes.map { Float(Double($0) / 255) })
  }

  @Test func convertsTypes() throws {
    let spec = try array(Tensor([0, 1.5, 2.5, 255] as [Float], shape: [1, 4]))
    let bytes = ModelInput(name: "x", elementType: .uint8, shape: [nil, 4])
    #expect(
      try dataset(spec, bytes).sample(at: 0).inputs["x"]
        == Tensor([0, 2, 2, 255] as [UInt8], shape: [1, 4]))
    let narrow = ModelInput(name: "x", elementType: .int8, shape: [nil, 4])
    #expect(
      message { _ = try dataset(spec, narrow).sample(at: 0) }.contains(
        "the value 255.0 does not fit int8"))
    let half = ModelInput(name: "x", elementType: .float16, shape: [nil, 4])
    #expect(
      try dataset(spec, half).sample(at: 0).inputs["x"]
        == Tensor([0, 1.5, 2.5, 255] as [Float16], shape: [1, 4]))
    #expect(
      message { _ = try dataset(spec + "?dtype=int8", bytes).sample(at: 0) }
        .contains("dtype=int8, and the model's input 'x' takes uint8"))
    let wide = Tensor([Int64.max], shape: [1, 1])
    let int64 = ModelInput(name: "x", elementType: .int64, shape: [nil, 1])
    #expect(try dataset(array(wide), int64).sample(at: 0).inputs["x"] == wide)
  }

  @Test func refusesNaN() throws {
    let spec = try array(Tensor([1, .nan, 2, .nan] as [Float], shape: [2, 2]))
    #expect(
      message { _ = try dataset(spec, .image([nil, 2])).sample(at: 1) }
        == "\(folder.path)/a.npy: sample 1: 1 of 2 values are NaN")
  }

  @Test func namesWhatDoesNotFitTheModel() throws {
    folder.write(png(pattern(height: 4, width: 6, channels: 3)), "a.png")
    let text = message { _ = try dataset(folder.path, .image([nil, 3, 224, 224])).sample(at: 0) }
    #expect(
      text == "\(folder.path)/a.png: is 4x6 with 3 channels, and the model's input 'image' takes "
        + "[?, 3, 224, 224]; give resize=, crop=, channels= or layout=")
    #expect(
      message { _ = try dataset("\(folder.path)?crop=5", .image([nil, 3, 5, 5])).sample(at: 0) }
        .contains("is 4x6, too small for crop=5x5"))
  }

  @Test func selects() throws {
    let spec = try array(Tensor((0..<100).map(Float.init), shape: [100, 1]))
    func values(_ options: String) throws -> [Float] {
      let data = try dataset(spec + options, .image([nil, 1]))
      return try (0..<data.count).map { try data.sample(at: $0).inputs["image"]!.array()[0] }
    }
    #expect(try values("?offset=90&limit=3") == [90, 91, 92])
    #expect(try values("?offset=98&limit=3") == [98, 99])
    let shuffled = try values("?shuffle=1")
    #expect(shuffled.sorted() == (0..<100).map(Float.init) && shuffled != shuffled.sorted())
    #expect(try values("?shuffle=1&offset=10&limit=5") == Array(shuffled[10..<15]))
    #expect(
      message { _ = try values("?offset=100") }
        == "\(folder.path)/a.npy: offset=100 leaves none of 100 samples")
  }

  @Test func batches() throws {
    let spec = try array(Tensor((0..<5).map(Float.init), shape: [5, 1]))
    let data = try dataset(spec, .image([nil, 1]))
    var found: [[Float]] = []
    try data.forEachBatch(of: 2) { found.append($0.inputs["image"]!.array()) }
    #expect(found == [[0, 1], [2, 3], [4]])
    var rows: [(Int, [Float])] = []
    try data.forEachBatch(of: 2, isFixed: true) {
      rows.append(($0.samples.count, $0.inputs["image"]!.array()))
    }
    #expect(rows.map(\.0) == [2, 2, 1] && rows.last?.1 == [4, 4])
    let specification = try DataSpecification(parsing: "a?batch=3")
    #expect(try specification.batchSize(for: [.image([nil, 1])], preferred: 8).size == 3)
    #expect(throws: DataError.self) {
      try specification.batchSize(for: [.image([2, 1])], preferred: 8)
    }
  }

  @Test func superResolutionPairs() throws {
    folder.write(png(pattern(height: 4, width: 4, channels: 3)), "a_LR.png")
    folder.write(png(pattern(height: 12, width: 12, channels: 3)), "a_HR.png")
    let data = try dataset("\(folder.path)?scale=1/255", .image([nil, 1, 6, 6]))
    let pairs = try #require(data as? SuperResolutionPairs)
    let (_, low, high) = try pairs.pair(at: 0)
    // The first pixel is (0, 59, 118).
    #expect(abs(low.values[0] - (0.587 * 59 + 0.114 * 118) / 255) < 1e-12)
    #expect(abs(high.values[0] - (16 + (0.587 * 59 + 0.114 * 118) * 219 / 255)) < 1e-12)
    let patch = try #require(try pairs.sample(at: 0).inputs["image"]).array(of: Float.self)
    #expect(patch.count == 36 && patch[0] == Float(low.values[0]))
    // Columns 4 and 5 mirror columns 2 and 1.
    #expect(patch[4] == patch[2] && patch[5] == patch[1] && patch[6 * 4] == patch[6 * 2])
    folder.write(png(pattern(height: 4, width: 4, channels: 3)), "b_LR.png")
    #expect(
      message { _ = try dataset(folder.path, .image([nil, 1, 6, 6])) }.contains(
        "b_HR.png: is missing"))
  }
}
