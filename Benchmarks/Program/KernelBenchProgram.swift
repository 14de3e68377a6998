import Glibc
import KernelBench
import OpenCLBackend
import OpenCLHost

/// `kernel-bench [FILTER] [--rounds N] [--json]`: times kernels on every OpenCL device that is there,
/// after checking their results.
///
/// `--batch N`, `--shapes FILE` choose convolutions; `--values N`, `--bins N` (on each side of zero)
/// histograms; `--bits N` searches; `--data normal|relu|constant|student-t` the values of both.
@main struct KernelBenchProgram {
  static func main() {
    do {
      let options = try BenchOptions(Array(CommandLine.arguments.dropFirst()))
      var results: [BenchmarkResult] = []
      for device in try Device.all() {
        let backend = try OpenCLBackend(device)
        if !options.printsJSON { print("\(backend.facts.platform), \(backend.name)") }
        results += try KernelBenchmarks.run(options.settings, on: backend) {
          if !options.printsJSON { print($0.line) }
        }
      }
      if options.printsJSON {
        print("[" + results.map(\.json).joined(separator: ",\n ") + "]")
      }
    } catch let error as UsageError {
      fail(error.message, status: 2)
    } catch {
      fail("\(error)", status: 4)
    }
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    let line = Array("kernel-bench: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(status)
  }
}

/// A command line that is not understood.
struct UsageError: Error {
  let message: String
}

/// What the command line asks for.
struct BenchOptions {
  /// What is timed.
  var settings = BenchmarkSettings()
  /// Whether one JSON list is printed instead of a table.
  var printsJSON = false

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--json": printsJSON = true
      case "--batch": settings.batch = try Self.number(&rest, argument)
      case "--rounds": settings.rounds = try Self.number(&rest, argument)
      case "--values": settings.values = try Self.number(&rest, argument)
      case "--bins": settings.binsPerSide = try Self.number(&rest, argument)
      case "--bits": settings.bits = [try Self.number(&rest, argument)]
      case "--shapes": settings.shapes = try Self.text(&rest, argument)
      case "--data": settings.data = [try Self.text(&rest, argument)]
      case let text where text.hasPrefix("-"): throw UsageError(message: "unknown option \(text)")
      default: settings.filter = argument
      }
    }
    guard settings.bits.allSatisfy({ (1...16).contains($0) }) else {
      throw UsageError(message: "--bits needs a number from 1 to 16")
    }
    let bins = settings.binsPerSide
    guard (16...65536).contains(bins), bins & (bins - 1) == 0 else {
      throw UsageError(message: "--bins needs a power of two from 16 to 65536")
    }
  }

  private static func text(_ rest: inout ArraySlice<String>, _ name: String) throws -> String {
    guard let text = rest.popFirst() else { throw UsageError(message: "\(name) needs a value") }
    return text
  }

  private static func number(_ rest: inout ArraySlice<String>, _ name: String) throws -> Int {
    guard let number = rest.popFirst().flatMap({ Int($0) }), number > 0 else {
      throw UsageError(message: "\(name) needs a positive number")
    }
    return number
  }
}
