// How to write a command
// ----------------------
// A file `Commands/<Command>.swift` with a `ParsableCommand` that composes the groups of this folder,
// and its type in the list `QTool.commands`:
//
//     struct Evaluate: ParsableCommand {
//       static let configuration = CommandConfiguration(
//         abstract: "One sentence.",
//         discussion: examples("qtool evaluate small.onnx --data t10k-images-idx3-ubyte.gz"))
//       @Argument(help: "The ONNX model.") var model: String
//       @OptionGroup var data: DataOptions          // --data SPEC
//       @OptionGroup var device: DeviceOptions      // --device, --threads
//       @OptionGroup var target: TargetOptions      // -o/--output FILE, --overwrite
//       @OptionGroup var common: CommonOptions      // --json -q -v --seed --dry-run --config ...
//
//       func run() throws {
//         try common.begin(self)                    // verbosity, --save-config
//         try target.check()                        // fail before minutes of work, not after
//         if common.dryRun { return try common.emit(plan) { plan.text } }
//         let result = try work(on: device.open())  // `any Backend`: pass it to a generic function
//         try common.emit(result) { result.text }   // JSON or text, to standard output
//       }
//     }
//
// Everything but the result goes through `Console.shared` (`note`, `detail`, `warn`) or `Progress`.
// Errors are thrown; `ExitStatus(for:)` knows the exit code of every error type. `--config` and
// `--save-config` work by the options' long names and need nothing from a command; flags come in
// pairs: `@Flag(inversion: .prefixedNo)`.

import ArgumentParser
import Files

/// Options of every command.
struct CommonOptions: ParsableArguments {
  @Flag(inversion: .prefixedNo, help: "Print one JSON document on standard output.")
  var json = false

  @Flag(
    name: [.short, .long], inversion: .prefixedNo,
    help: "Only warnings and errors on standard error.")
  var quiet = false

  @Flag(name: [.short, .long], inversion: .prefixedNo, help: "Say more on standard error.")
  var verbose = false

  @Option(help: "Seed of everything random.")
  var seed: UInt64 = 0

  @Flag(name: .customLong("dry-run"), help: "Print what would be done and stop.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Settings in TOML: every long option by its name; the command line wins.",
      valueName: "file"), completion: .file(extensions: ["toml"]))
  var config: String?

  @Option(
    help: ArgumentHelp("Write the settings of this run as TOML.", valueName: "file"),
    completion: .file(extensions: ["toml"]))
  var saveConfig: String?

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other.") }
  }

  /// Sets the verbosity and writes the settings where `--save-config` asks for it. The first line
  /// of every command.
  func begin(_ command: some ParsableCommand) throws {
    Console.shared.verbosity = quiet ? .quiet : verbose ? .verbose : .normal
    if let saveConfig {
      let text = try Configuration.resolvedSettings()
      try AtomicFile.write(text.utf8, to: saveConfig, overwrite: overwritesConfiguration(command))
      Console.shared.note("settings: \(saveConfig)")
    }
  }

  /// Prints a result: as JSON where asked for, else as text.
  func emit(_ result: some Encodable, text: () throws -> String) throws {
    if let bytes = PeakMemory.bytes { Console.shared.detail("peak memory: \(bytes >> 10) KiB") }
    try StandardOutput.print(json ? qtool.json(result) : text())
  }

  private func overwritesConfiguration(_ command: some ParsableCommand) -> Bool {
    for child in Mirror(reflecting: command).children {
      if let group = child.value as? OptionGroup<TargetOptions> {
        return group.wrappedValue.overwrite
      }
    }
    return false
  }
}

/// The examples of a command for its help, before everything else.
func examples(_ lines: String...) -> String {
  "Examples:\n" + lines.map { "  " + $0 }.joined(separator: "\n")
}
