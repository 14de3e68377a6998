import Tensors
import Testing

@testable import Datasets

@Suite struct NumPyTests {
  let folder = TemporaryFolder()

  func file(_ header: String, _ elements: [UInt8], version: UInt8 = 1) -> String {
    let length = header.utf8.count
    let bytes =
      [0x93] + Array("NUMPY".utf8) + [version, 0]
      + (0..<(version > 1 ? 4 : 2)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return folder.write(bytes + Array(header.utf8) + elements, "a.npy")
  }

  @Test func roundTripsEveryType() throws {
    let tensors: [Tensor] = [
      Tensor([1.5, -0.0, .infinity] as [Float]), Tensor([1.5, 2] as [Double], shape: [2, 1]),
      Tensor([Float16(1.5)]), Tensor([-1, 2] as [Int8]), Tensor([-1, 2] as [Int16]),
      Tensor([-1, 2] as [Int32]), Tensor([-1, Int64.max]), Tensor([1, 255] as [UInt8]),
      Tensor([1, 65535] as [UInt16]), Tensor([1, UInt32.max]), Tensor([1, UInt64.max]),
      Tensor([true, false]), Tensor(scalar: Float(3)), Tensor([Float](), shape: [0, 4]),
    ]
    for tensor in tensors {
      try NumPyFile.write(tensor, to: "\(folder.path)/t.npy", overwrite: true)
      #expect(try NumPyFile.read("\(folder.path)/t.npy") == tensor)
    }
  }

  @Test func writesWhatNumPyWrites() throws {
    try NumPyFile.write(
      Tensor([1, 2, 3, 4, 5, 6] as [Int16], shape: [2, 3]), to: "\(folder.path)/t.npy",
      overwrite: false)
    // numpy.save(file, numpy.array([[1, 2, 3], [4, 5, 6]], numpy.int16))
    let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }"
    let padded = header + String(repeating: " ", count: 118 - header.count - 1) + "\n"
    #expect(
      folder.bytes("t.npy") == [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8)
        + [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0])
  }

  @Test func writesNarrowTypesAsWiderOnes() throws {
    try NumPyFile.write(
      Tensor([-8, 7] as [Int8], as: .int4), to: "\(folder.path)/t.npy", overwrite: false)
    #expect(try NumPyFile.read("\(folder.path)/t.npy") == Tensor([-8, 7] as [Int8]))
    try NumPyFile.write(
      Tensor([0x3fc0] as [UInt16], as: .bfloat16), to: "\(folder.path)/t.npy", overwrite: true)
    #expect(try NumPyFile.read("\(folder.path)/t.npy") == Tensor([1.5] as [Float]))
  }

  @Test func readsVersion2AndOtherSpacing() throws {
    let path = file(
      "{\"shape\":(2,),\"descr\":\"<i2\",\"fortran_order\":False}", [1, 0, 2, 0], version: 2)
    #expect(try NumPyFile.read(path) == Tensor([1, 2] as [Int16]))
  }

  @Test(arguments: [
    ("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", "big-endian"),
    ("{'descr': '<i2', 'fortran_order': True, 'shape': (1, 2), }", "Fortran order"),
    ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "type '<c8'"),
    ("{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (2,), }", "records"),
    ("{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }", "4 bytes of elements; shape [3]"),
    ("{'descr': '<i2', 'fortran_order': False, 'shape': (1,), }", "4 bytes of elements; shape [1]"),
    ("{'descr': '<i2', 'fortran_order': False, 'shape': (-2,), }", "whole numbers"),
    ("{'descr': '<i2', 'fortran_order': False, }", "not a dictionary"),
    ("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), 'x': 1}", "unexpected key 'x'"),
    ("{'descr': '<i2', 'fortran_order': False, 'shape': (2,)", "lacks a '}'"),
    (
      "{'descr': '<i2', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
      "absurd shape"
    ),
  ])
  func refuses(header: String, reason: String) {
    let path = file(header, [1, 0, 2, 0])
    let text = message { _ = try NumPyFile.read(path) }
    #expect(text.hasPrefix("\(path): ") && text.contains(reason), "\(text)")
  }

  @Test func refusesWhatIsNotAnArray() {
    let path = folder.write("hello, world", "a.npy")
    #expect(message { _ = try NumPyFile.read(path) }.contains("not \\x93NUMPY"))
    #expect(
      message { _ = try NumPyFile.read("\(folder.path)/none.npy") }
        == "\(folder.path)/none.npy: cannot open: No such file or directory")
  }

  @Test func archivesRoundTrip() throws {
    let tensors = [
      "x": Tensor((0..<24).map(Float.init), shape: [2, 3, 4]), "labels": Tensor([7, 8] as [Int64]),
    ]
    try NumPyFile.writeArchive(tensors, to: "\(folder.path)/a.npz", overwrite: false)
    #expect(try NumPyFile.readArchive("\(folder.path)/a.npz") == tensors)
    let first = folder.bytes("a.npz")
    try NumPyFile.writeArchive(tensors, to: "\(folder.path)/a.npz", overwrite: true)
    #expect(folder.bytes("a.npz") == first)
  }

  /// An archive as `numpy.savez_compressed` writes it, without zip64.
  func compressedArchive(_ name: String, _ bytes: [UInt8], crc: UInt) -> [UInt8] {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let packed = deflated(bytes, windowBits: -15)
    let name = Array(name.utf8)
    let shared =
      number(20, 2) + number(0, 2) + number(8, 2) + number(0x21_0000, 4) + number(Int(crc), 4)
      + number(packed.count, 4) + number(bytes.count, 4) + number(name.count, 2)
    let local = [0x50, 0x4b, 3, 4] + shared + number(0, 2) + name + packed
    let central =
      [0x50, 0x4b, 1, 2] + number(20, 2) + shared + number(0, 2) + number(0, 2) + number(0, 8)
      + number(0, 4) + name
    return local + central + [0x50, 0x4b, 5, 6] + number(0, 4) + number(1, 2) + number(1, 2)
      + number(central.count, 4) + number(local.count, 4) + number(0, 2)
  }

  @Test func readsDeflatedArchives() throws {
    let tensor = Tensor((0..<5000).map { Int32($0 % 13) }, shape: [50, 100])
    try NumPyFile.write(tensor, to: "\(folder.path)/t.npy", overwrite: false)
    let bytes = folder.bytes("t.npy")
    folder.write(compressedArchive("x.npy", bytes, crc: crc(bytes)), "a.npz")
    #expect(try NumPyFile.readArchive("\(folder.path)/a.npz") == ["x": tensor])
    folder.write(compressedArchive("x.npy", bytes, crc: crc(bytes) ^ 1), "b.npz")
    #expect(
      message { _ = try NumPyFile.readArchive("\(folder.path)/b.npz") }.contains("is corrupt"))
    let whole = folder.bytes("a.npz")
    for count in stride(from: 22, to: whole.count, by: 97) {
      folder.write(Array(whole[..<count]), "c.npz")
      #expect(throws: DataError.self) { try NumPyFile.readArchive("\(folder.path)/c.npz") }
    }
  }
}
