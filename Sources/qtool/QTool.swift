import ArgumentParser
import Files
import Glibc
import LowBit

/// The command. What it does lives in the library; here are options, texts and exit codes.
@main
struct QTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "qtool",
    abstract:
      "Quantizes neural networks to few bits, on any OpenCL device, and proves what it did.",
    discussion: """
      Examples:
        qtool devices
        qtool quantize model.onnx --data images/ -o small.onnx
        qtool evaluate small.onnx --data 'images/?labels=labels.csv' --reference model.onnx
        qtool help evaluate

      Exit codes: 0 done; 1 a quality gate that was asked for is not met; 2 usage or \
      configuration, or a target that cannot be written; 3 the model; 4 the device; 5 the data; \
      130 interrupted.
      """,
    version: "0.1.0",
    subcommands: commands)

  /// What pages call their author.
  static var writer: String { "Written by qtool \(configuration.version)" }

  /// One line a command, in the order in which help lists them.
  static let commands: [any ParsableCommand.Type] = [
    Devices.self, Inspect.self, Run.self, Calibrate.self, Quantize.self, Search.self,
    Train.self, Evaluate.self, Compare.self, Verify.self, Report.self, Bench.self, Signal.self,
  ]

  static func main() {
    Interruption.install()
    // A reader that goes away (`qtool ... | head`) shows as a failed write, not as a signal.
    ignoreWriteSignals()
    HostMemory.whenExhausted { byteCount in
      AtomicFile.removeTemporaryFiles()
      Console.shared.error("the machine has no memory left: \(byteCount) bytes for a tensor")
      _exit(ExitStatus.device.rawValue)
    }
    do {
      let given = Array(CommandLine.arguments.dropFirst())
      var command = try parseAsRoot(Configuration.expand(given))
      try command.run()
    } catch {
      exit(withError: error, reportedBy: Console.shared)
    }
  }
}
