import Tensors
import Testing

@testable import Datasets

/// Every form of data, recognised by content and read lazily.
@Suite struct SourceTests {
  let folder = TemporaryFolder()

  func idx(_ magic: [UInt8], _ extents: [Int], _ elements: [UInt8]) -> [UInt8] {
    magic
      + extents.flatMap { extent in
        (0..<4).map { UInt8(truncatingIfNeeded: extent >> (24 - 8 * $0)) }
      }
      + elements
  }

  @Test(arguments: [false, true])
  func readsIDXWithTheLabelsBeside(isPacked: Bool) throws {
    let images = idx([0, 0, 8, 3], [3, 2, 2], (0..<12).map { UInt8(20 * $0) })
    let labels = idx([0, 0, 8, 1], [3], [5, 6, 7])
    // The labels are found whichever of the two is packed.
    let path = folder.write(
      isPacked ? gzip(images) : images, "t-images-idx3-ubyte\(isPacked ? ".gz" : "")")
    folder.write(isPacked ? labels : gzip(labels), "t-labels-idx1-ubyte\(isPacked ? "" : ".gz")")
    let data = try dataset("\(path)?scale=1/255", .image([nil, 1, 2, 2]))
    #expect(data.count == 3)
    let sample = try data.sample(at: 1)
    #expect(
      sample.inputs["image"]
        == Tensor([80, 100, 120, 140].map { Float($0 / 255.0) }, shape: [1, 1, 2, 2]))
    #expect(sample.label?.index == 6)
    #expect(sample.name == "\(path): sample 1")
    // The folder is the same data, and a flat model takes the same values.
    let flat = try dataset("\(folder.path)?scale=1/255", .image([nil, 4])).sample(at: 1)
    #expect(flat.inputs["image"]?.shape == [1, 4] && flat.label?.index == 6)
  }

  @Test func damagedIDXIsAnError() throws {
    let images = idx([0, 0, 8, 3], [3, 2, 2], [UInt8](repeating: 0, count: 11))
    let path = folder.write(images, "t-images-idx3-ubyte")
    #expect(
      message { _ = try dataset(path, .image([nil, 1, 2, 2])) }
        == "\(path): states 3 images of 2x2, which does not fit 27 bytes")
    let packed = gzip(
      idx([0, 0, 8, 3], [3, 20, 20], (0..<1200).map { UInt8(truncatingIfNeeded: $0 * $0) }))
    let short = folder.write(Array(packed.dropLast(20)), "u-images-idx3-ubyte.gz")
    #expect(message { _ = try dataset(short, .image([nil, 1, 20, 20])) }.contains("ends early"))
    var wrong = packed
    wrong[wrong.count - 6] ^= 1
    let corrupt = folder.write(wrong, "v-images-idx3-ubyte.gz")
    #expect(message { _ = try dataset(corrupt, .image([nil, 1, 20, 20])) }.contains("corrupt"))
  }

  @Test func readsCIFAR() throws {
    let pixels = (0..<3072).map { (index: Int) -> UInt8 in UInt8(index / 1024 * 100 + index % 7) }
    let path = folder.write([3] + pixels + [9] + pixels, "batch.bin")
    let data = try dataset(path, .image([1, 3, 32, 32]))
    #expect(data.count == 2)
    #expect(try data.sample(at: 0).label?.index == 3)
    let planes = try #require(try data.sample(at: 1).inputs["image"])
    #expect(planes == Tensor(pixels.map { Float($0) }, shape: [1, 3, 32, 32]))
    let last = try #require(
      try dataset(folder.path, .image([nil, 32, 32, 3])).sample(at: 0).inputs["image"])
    #expect(last.shape == [1, 32, 32, 3])
    #expect(last.array(of: Float.self).prefix(3) == [0, 102, 204])
  }

  @Test func readsArrays() throws {
    try NumPyFile.write(
      Tensor((0..<12).map(Float.init), shape: [3, 4]), to: "\(folder.path)/a.npy", overwrite: false)
    try NumPyFile.write(
      Tensor([2, 1, 0] as [Int32]), to: "\(folder.path)/l.npy", overwrite: false)
    let data = try dataset("\(folder.path)/a.npy?labels=l.npy", .image([nil, 4]))
    #expect(
      try data.sample(at: 2).inputs["image"] == Tensor([8, 9, 10, 11] as [Float], shape: [1, 4]))
    #expect(try data.sample(at: 2).label?.index == 0)
    #expect(
      message { _ = try dataset("\(folder.path)/a.npy", .image([nil, 5])).sample(at: 0) }
        == "\(folder.path)/a.npy: sample 0: has shape [4], and the model's input 'image' takes [?, 5]"
    )
  }

  @Test func readsArchives() throws {
    let path = "\(folder.path)/a.npz"
    try NumPyFile.writeArchive(
      [
        "images": Tensor((0..<8).map(Float.init), shape: [2, 4]),
        "labels": Tensor([4, 5] as [Int64]),
        "other": Tensor([0, 0] as [Float]),
      ], to: path, overwrite: false)
    let data = try dataset(path, .image([nil, 4], name: "anything"))
    #expect(try data.sample(at: 1).inputs["anything"]?.array() == [4, 5, 6, 7] as [Float])
    #expect(try data.sample(at: 1).label?.index == 5)
    try NumPyFile.writeArchive(
      [
        "a": Tensor([1, 2] as [Float], shape: [2, 1]),
        "y": Tensor([3, 4] as [Float], shape: [2, 1]),
      ],
      to: path, overwrite: true)
    // `y` is an input here, not the labels.
    let two = try dataset(path, .image([nil, 1], name: "a"), .image([nil, 1], name: "y"))
    #expect(
      try two.sample(at: 1).inputs.mapValues { $0.array(of: Float.self) } == ["a": [2], "y": [4]])
    #expect(
      message { _ = try dataset(path, .image([nil, 1], name: "b"), .image([nil, 1], name: "y")) }
        == "\(path): holds the arrays [\"a\", \"y\"], and the model's inputs are 'b', 'y'")
  }

  @Test func readsFoldersOfArrays() throws {
    for index in 0..<3 {
      try NumPyFile.write(
        Tensor([Float(index), 9]), to: "\(folder.path)/\(index).npy", overwrite: false)
    }
    let data = try dataset(folder.path, .image([nil, 2]))
    #expect(data.count == 3)
    #expect(try data.sample(at: 2).inputs["image"] == Tensor([2, 9] as [Float], shape: [1, 2]))
    // Files of the input's own rank hold batches.
    let other = TemporaryFolder()
    try NumPyFile.write(
      Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]), to: "\(other.path)/a.npy", overwrite: false)
    try NumPyFile.write(
      Tensor([5, 6] as [Float], shape: [1, 2]), to: "\(other.path)/b.npy", overwrite: false)
    let batches = try dataset(other.path, .image([nil, 2]))
    let firsts = try (0..<batches.count).map { index in
      try batches.sample(at: index).inputs["image"]?.array(of: Float.self).first
    }
    #expect(firsts == [1, 3, 5])
  }

  @Test func readsImagesByClass() throws {
    for (index, name) in ["cat/a.png", "cat/b.png", "dog/a.png"].enumerated() {
      folder.write(
        png(
          Image(height: 2, width: 2, channels: 1, pixels: .init(repeating: UInt8(index), count: 4))),
        name)
    }
    let data = try dataset(folder.path, .image([nil, 3, 2, 2]))
    let labels = try (0..<3).map { try data.sample(at: $0).label }
    #expect(
      labels.map { $0?.index } == [0, 0, 1] && labels.map { $0?.name } == ["cat", "cat", "dog"])
    // A gray picture for a model of three channels.
    #expect(
      try data.sample(at: 2).inputs["image"] == Tensor(repeating: Float(2), shape: [1, 3, 2, 2]))
  }

  @Test func subfoldersThatAreNumbersAreIndices() throws {
    for name in ["10/a.png", "2/a.png"] {
      folder.write(png(pattern(height: 2, width: 2, channels: 3)), name)
    }
    let data = try dataset(folder.path, .image([nil, 3, 2, 2]))
    #expect(try (0..<2).map { try data.sample(at: $0).label?.index } == [10, 2])
  }

  @Test func readsImagesWithATable() throws {
    for name in ["a.png", "b, c.png"] {
      folder.write(png(pattern(height: 2, width: 2, channels: 3)), name)
    }
    folder.write("file,class_index,wnid\n\"b, c.png\",281,n1\na.png,7,n2\n", "labels.csv")
    // Found where it lies, and by its name.
    for text in [folder.path, "\(folder.path)?labels=labels.csv"] {
      let data = try dataset(text, .image([nil, 3, 2, 2]))
      #expect(try (0..<2).map { try data.sample(at: $0).label?.index } == [281, 7])
      #expect(try data.sample(at: 0).name == "\(folder.path)/b, c.png")
    }
    let names = folder.write("file,label\na.png,dog\n\"b, c.png\",cat\n", "names.csv")
    let data = try dataset("\(folder.path)?labels=\(names)", .image([nil, 3, 2, 2]))
    #expect(
      try (0..<2).map { try data.sample(at: $0).label } == [
        Label(index: 1, name: "dog"), Label(index: 0, name: "cat"),
      ])
    folder.write("file,label\nnone.png,1\n", "labels.csv")
    #expect(
      message { _ = try dataset(folder.path, .image([nil, 3, 2, 2])) }
        == "\(folder.path)/none.png: is named by the labels and is not there")
  }

  @Test func readsTestDataSets() throws {
    folder.write("", "test_data_set_0/input_0.pb")
    folder.write("", "test_data_set_0/input_1.pb")
    let read: TensorReader = { path in
      Tensor([Float(path.hasSuffix("1.pb") ? 1 : 0)], shape: [1, 1])
    }
    let inputs = ["b", "a"].map { ModelInput.image([1, 1], name: $0) }
    for path in [folder.path, "\(folder.path)/test_data_set_0"] {
      let data = try DataSpecification(parsing: path).open(for: inputs, tensorReader: read)
      #expect(data.count == 1)
      let sample = try data.sample(at: 0)
      #expect(sample.inputs.mapValues { $0.array(of: Float.self) } == ["b": [0], "a": [1]])
    }
  }

  @Test func randomDataAreStampedAndRepeat() throws {
    let data = try dataset("random:4", .image([nil, 3, 2, 2]))
    #expect(data.name == "random:4" && data.count == 4)
    let first = try #require(try data.sample(at: 2).inputs["image"])
    #expect(try data.sample(at: 2).inputs["image"] == first)
    #expect(try data.sample(at: 3).inputs["image"] != first)
    #expect(first.array(of: Float.self).allSatisfy { (0..<1).contains($0) })
    #expect(
      message { _ = try dataset("random:4", .image([nil, 3, nil, nil])) }.contains(
        "leaves extents open"))
    #expect(
      try dataset("random:1?resize=4x5", .image([nil, 3, nil, nil])).sample(at: 0).inputs["image"]?
        .shape == [1, 3, 4, 5])
  }

  @Test func whatIsNotRecognisedIsAnError() {
    let path = folder.write("hello", "a.txt")
    #expect(message { _ = try dataset(path, .image([1])) }.contains("is not recognised"))
    #expect(message { _ = try dataset(folder.path, .image([1])) }.contains("holds nothing"))
    #expect(
      message { _ = try dataset("\(folder.path)/none", .image([1])) }
        == "\(folder.path)/none: there is no such file or folder")
  }
}
