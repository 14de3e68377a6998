import Glibc
import OpenCLBackend
import Testing

@Suite struct KernelTextTests {
  /// `kernels.c` has a row for every `.cl` file of the folder and no other.
  @Test func theTableIsTheFolder() throws {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    #expect(files(root + "/Kernels").sorted() == KernelText.paths)
    for path in KernelText.paths {
      #expect(!KernelText.text(path).isEmpty, "\(path) is empty")
    }
  }

  @Test func programsNameTheirFiles() {
    let source = KernelText.program(["prelude/prelude.cl"], definitions: ["CPU", "T=float"])
    #expect(source.hasPrefix("#define CPU 1\n#define T float\n#line 1 \"prelude/prelude.cl\"\n"))
    #expect(source.contains("#pragma OPENCL FP_CONTRACT OFF"))
  }

  private func files(_ root: String, _ path: String = "") -> [String] {
    guard let folder = opendir(root + "/" + path) else { return [] }
    defer { closedir(folder) }
    var found: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let below = path.isEmpty ? name : path + "/" + name
      if name.hasSuffix(".cl") { found.append(below) } else { found += files(root, below) }
    }
    return found
  }
}
