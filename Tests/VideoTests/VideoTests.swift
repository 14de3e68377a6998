import Files
import TestFolders
import Testing

@testable import Video

/// Pictures to files and back.
@Suite struct VideoTests {
  let folder = makeTestFolder("lowbit-video")

  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    try AtomicFile.write(bytes, to: path, overwrite: true)
    return path
  }

  private func picture(_ seed: Int, width: Int = 5, height: Int = 3) -> Picture {
    let count = Picture.sampleCount(width: width, height: height)
    return Picture(
      width: width, height: height,
      samples: (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + seed) })
  }

  @Test func oddSizesHaveRoundedUpChroma() {
    #expect(Picture.sampleCount(width: 5, height: 3) == 15 + 2 * 6)
    #expect(picture(0).luma == 0..<15 && picture(0).chroma == 15..<27)
  }

  @Test func y4mGoesRound() throws {
    let line = "YUV4MPEG2 W5 H3 F25:1 Ip A1:1 C420jpeg"
    let bytes =
      Array("\(line)\nFRAME Ip\n".utf8) + picture(1).samples + Array("FRAME\n".utf8)
      + picture(2).samples
    let reader = try VideoReader(try write(bytes, "in.y4m"))
    #expect(reader.count == 2 && reader[0] == picture(1) && reader[1] == picture(2))
    var writer = try VideoWriter("\(folder)/out.y4m", like: reader.header, overwrite: true)
    for number in 0..<2 { try writer.write(reader[number]) }
    try writer.commit()
    let again = try WholeFile.read("\(folder)/out.y4m", limit: 1 << 20)
    #expect(
      again == Array("\(line)\nFRAME\n".utf8) + picture(1).samples + Array("FRAME\n".utf8)
        + picture(2).samples)
  }

  @Test func rawPicturesNeedASize() throws {
    let path = try write(picture(1).samples + picture(2).samples, "in.yuv")
    let reader = try VideoReader(path, size: (5, 3))
    #expect(reader.count == 2 && reader[1] == picture(2))
    var writer = try VideoWriter("\(folder)/out.yuv", like: reader.header, overwrite: true)
    try writer.write(reader[1])
    try writer.commit()
    #expect(try WholeFile.read("\(folder)/out.yuv", limit: 1 << 20) == picture(2).samples)
    #expect(throws: VideoError.self) { try VideoReader(path) }
    #expect(throws: VideoError.self) { try VideoReader(path, size: (5, 4)) }
  }

  @Test(arguments: [
    ("YUV4MPEG2 W5 H3 C444\n", "colour space"), ("YUV4MPEG2 W5\n", "W and H"),
    ("YUV4MPEG2 W5 H99999\n", "W and H"), ("YUV4MPEG2 W5 H3", "first line"),
    ("YUV4MPEG2 W5 H3\nFRAME\n", "picture 0"), ("YUV4MPEG2 W5 H3\nFROME\n", "picture 0"),
    ("YUV4MPEG2 W5 H3 C420p10\n", "colour space"),
  ])
  func damagedFilesAreNamed(_ text: String, _ reason: String) throws {
    let path = try write(Array(text.utf8), "damaged.y4m")
    let error = #expect(throws: VideoError.self) { try VideoReader(path) }
    #expect(error?.description.contains("damaged.y4m") == true)
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
  }

  @Test func aStatedSizeMustBeTheFiles() throws {
    let bytes = Array("YUV4MPEG2 W5 H3\nFRAME\n".utf8) + picture(1).samples
    let path = try write(bytes, "in.y4m")
    #expect(throws: Never.self) { try VideoReader(path, size: (5, 3)) }
    #expect(throws: VideoError.self) { try VideoReader(path, size: (3, 5)) }
  }
}
