import ArgumentParser

/// `qtool devices`
struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List OpenCL platforms and devices, and the reference.",
    discussion: examples("qtool devices", "qtool devices --check", "qtool devices --json"))

  @OptionGroup var common: CommonOptions

  struct Row: Encodable {
    var index: Int?
    var name: String
  }

  func run() throws {
    try common.begin(self)
    let rows = [Row(name: "reference")]
    try common.emit(rows) { rows.map(\.name).joined(separator: "\n") }
  }
}
