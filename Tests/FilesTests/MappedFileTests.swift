import Files
import Testing

@Suite struct MappedFileTests {
  @Test func namesAFileThatIsNotThere() {
    let error = #expect(throws: FileError.self) { try MappedFile(path: "/nowhere/model.onnx") }
    #expect(
      error?.description == "/nowhere/model.onnx: cannot open: No such file or directory")
  }

  @Test func refusesAFolder() {
    let error = #expect(throws: FileError.self) { try MappedFile(path: "/") }
    #expect(error?.description == "/: is not a regular file")
  }
}
