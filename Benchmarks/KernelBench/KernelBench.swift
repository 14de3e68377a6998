import Glibc
import OpenCLBackend
import OpenCLHost

/// `kernel-bench [FILTER] [--batch N] [--rounds N] [--shapes FILE] [--json]`: times kernels on every
/// OpenCL device that is there, after checking their results against the reference.
@main struct KernelBench {
  static func main() {
    do {
      let options = try BenchOptions(Array(CommandLine.arguments.dropFirst()))
      var results: [Measurement] = []
      for device in try Device.all() {
        let backend = try OpenCLBackend(device)
        if !options.printsJSON { print("\(backend.facts.platform), \(backend.name)") }
        results += try ConvolutionBench(backend, options).run()
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
  /// Only entries whose name contains this.
  var filter = ""
  /// Images in a batch.
  var batch = 8
  /// Timed calls of every entry, after one that is not.
  var rounds = 15
  /// The list of convolutions.
  var shapes = "Benchmarks/Shapes/resnet18.txt"
  /// Whether one JSON list is printed instead of a table.
  var printsJSON = false

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--json": printsJSON = true
      case "--batch": batch = try Self.number(&rest, argument)
      case "--rounds": rounds = try Self.number(&rest, argument)
      case "--shapes":
        guard let path = rest.popFirst() else { throw UsageError(message: "--shapes needs a file") }
        shapes = path
      case let text where text.hasPrefix("-"): throw UsageError(message: "unknown option \(text)")
      default: filter = argument
      }
    }
  }

  private static func number(_ rest: inout ArraySlice<String>, _ name: String) throws -> Int {
    guard let number = rest.popFirst().flatMap({ Int($0) }), number > 0 else {
      throw UsageError(message: "\(name) needs a positive number")
    }
    return number
  }
}
