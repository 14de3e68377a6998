import ArgumentParser
import Files

/// Where the result is written.
struct TargetOptions: ParsableArguments {
  @Option(
    name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
    completion: .file())
  var output: String

  @Flag(inversion: .prefixedNo, help: "Replace the file where it exists.")
  var overwrite = false

  /// Throws when the file could not be written.
  func check() throws(FileError) { try AtomicFile.check(output, overwrite: overwrite) }
}
