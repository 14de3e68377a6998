import Datasets
import Files
import Glibc
import Tensors
import Testing

/// Commands that write: whatever goes wrong, the exit code is the documented one, the message names
/// the file, and nothing is left that was not there before.
@Suite struct TargetFailureTests {
  let folder = TemporaryFolder()

  /// A command that writes, and what it writes to.
  struct Writer: CustomTestStringConvertible, Sendable {
    let command: String
    let arguments: [String]
    var testDescription: String { command }

    /// The arguments in `folder`, with the result going to `target`.
    func arguments(in folder: TemporaryFolder, target: String) -> [String] {
      let given = arguments.map { $0.contains(".") ? "\(folder.path)/\($0)" : $0 }
      return [command, "\(folder.path)/m.onnx"] + given.map { $0 == "TARGET" ? target : $0 }
    }
  }

  static let writers = [
    Writer(command: "quantize", arguments: ["--data", "d.npy", "-o", "TARGET"]),
    Writer(command: "calibrate", arguments: ["--data", "d.npy", "-o", "TARGET"]),
  ]

  init() throws {
    try Models.write(Models.deep(layers: 2, channels: 8, side: 8), "m.onnx", in: folder)
    try NumPyFile.write(
      Tensor(
        (0..<(2 * 8 * 64)).map { Float($0 % 7) - 3 }, shape: [2, 8, 8, 8]),
      to: "\(folder.path)/d.npy", overwrite: false)
  }

  /// Runs the command; it fails with exit code 2 and leaves no file.
  func check(
    _ arguments: [String], _ reason: String, largestFile: Int? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let before = folder.names
    let outcome = Command(arguments, in: folder, largestFile: largestFile).wait()
    #expect(outcome.status == 2, "\(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, sourceLocation: sourceLocation)
    #expect(outcome.errors.contains(reason), "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(folder.names == before, sourceLocation: sourceLocation)
  }

  /// A limit of file sizes stops a write as a full disk does: in its middle.
  @Test(arguments: writers) func aDiskThatFillsUp(_ writer: Writer) {
    let target = "\(folder.path)/out"
    let whole = Command(writer.arguments(in: folder, target: target), in: folder).wait()
    #expect(whole.status == 0, "\(whole.errors)")
    let size = folder.bytes("out").count
    #expect(size > 1024)
    unlink(target)
    check(
      writer.arguments(in: folder, target: target), "\(target): cannot write: File too large",
      largestFile: 1024)
    // The file that is there already stays as it is.
    folder.write("old", "out")
    check(
      writer.arguments(in: folder, target: target) + ["--overwrite"],
      "\(target): cannot write: File too large", largestFile: 1024)
    #expect(folder.bytes("out") == Array("old".utf8))
  }

  @Test(arguments: writers) func targetsThatCannotBeWritten(_ writer: Writer) {
    mkdir("\(folder.path)/taken", 0o777)
    folder.write("old", "old")
    func check(_ target: String, _ reason: String) {
      self.check(writer.arguments(in: folder, target: target), reason)
    }
    check("\(folder.path)/taken", "\(folder.path)/taken: is a folder")
    check("\(folder.path)/old", "\(folder.path)/old: exists already; --overwrite replaces it")
    check("\(folder.path)/none/out", "cannot create a file in '\(folder.path)/none'")
    check("\(folder.path)/old/out", "cannot create a file in '\(folder.path)/old'")
    check("\(folder.path)/", "is a folder")
    check("/proc/out.onnx", "cannot create a file in '/proc'")
    #expect(folder.bytes("old") == Array("old".utf8))
  }

  /// At whatever moment a command is killed, the target is not there or whole, and the next run
  /// leaves the target alone in the folder.
  @Test(arguments: writers, [SIGKILL, SIGTERM, SIGINT])
  func killedAtAnyMoment(_ writer: Writer, signal: Int32) throws {
    let target = "\(folder.path)/out"
    let before = folder.names
    let arguments = writer.arguments(in: folder, target: target)
    let start = ContinuousClock.now
    #expect(Command(arguments, in: folder).wait().status == 0)
    let duration = ContinuousClock.now - start
    let whole = folder.bytes("out")
    unlink(target)
    for part in 0..<8 {
      let command = Command(arguments, in: folder)
      let delay = duration * part / 7
      usleep(UInt32(delay.components.attoseconds / 1_000_000_000_000))
      command.interrupt(with: signal)
      let outcome = command.wait()
      let early = signal == SIGKILL ? 137 : 130
      // Before the program has asked for them, signals end it as they end any.
      #expect([0, Int32(early), 128 + signal].contains(outcome.status), "\(outcome)")
      let names = folder.names.filter { !before.contains($0) && !$0.hasPrefix(".out.") }
      #expect(names.isEmpty || names == ["out"])
      if names == ["out"] { #expect(folder.bytes("out") == whole) }
      if signal != SIGKILL { #expect(!folder.names.contains { $0.hasPrefix(".out.") }) }
      unlink(target)
    }
    #expect(Command(arguments, in: folder).wait().status == 0)
    #expect(folder.names == (before + ["out"]).sorted())
    #expect(folder.bytes("out") == whole)
  }

  @Test(arguments: writers, [SIGINT, SIGTERM])
  func interruptionExitsWith130(_ writer: Writer, signal: Int32) throws {
    try Models.write(Models.deep(layers: 12, channels: 64, side: 64), "long.onnx", in: folder)
    let before = folder.names
    let command = Command(
      [
        writer.command, "\(folder.path)/long.onnx", "--data", "random:100000", "-o",
        "\(folder.path)/o",
      ],
      in: folder)
    usleep(700_000)
    command.interrupt(with: signal)
    let outcome = command.wait()
    #expect(outcome.status == 130 && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errors.contains("interrupted"))
    #expect(folder.names == before)
  }
}
