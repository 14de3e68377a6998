import ArgumentParser
import Glibc
import LowBit
import OpenCLHost

/// Where the model runs.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A device's name or index as 'qtool devices' lists them, reference, or auto.",
      valueName: "device"))
  var device: String = getenv("LOWBIT_DEVICE").map { String(cString: $0) } ?? "auto"

  /// The backend that was asked for. `auto` takes the best OpenCL device that passes a short
  /// self-test, or the reference when there is none, and says why.
  func open() throws -> any Backend {
    switch device {
    case "reference": return ReferenceBackend.shared
    case "auto": return try openBest()
    default:
      let chosen = try DeviceList().device(named: device)
      let backend = try OpenCLBackend(chosen.device)
      if let failure = try Self.failure(of: backend) {
        throw DeviceSelectionError("device '\(chosen.name)' fails its self-test: \(failure)")
      }
      return backend
    }
  }

  /// Runs `body` on the backend. Where the device was not named and fails on the way, for example
  /// because its memory does not suffice, `body` runs again on the reference.
  func run<Result>(_ body: (any Backend) throws -> Result) throws -> Result {
    let backend = try open()
    do {
      return try body(backend)
    } catch let error as DeviceError where device == "auto" {
      Console.shared.warn("\(error); starting again on the reference")
      return try body(ReferenceBackend.shared)
    }
  }

  private static func failure(of backend: OpenCLBackend) throws -> String? {
    try SelfTest.short(keepsDenormals: backend.facts.keepsDenormals).failure(of: backend)
  }

  private func openBest() throws -> any Backend {
    let list: DeviceList
    do throws(OpenCLError) {
      list = try DeviceList()
    } catch {
      Console.shared.warn("OpenCL does not answer (\(error)); using the reference")
      return ReferenceBackend.shared
    }
    if let reason = list.reason {
      Console.shared.note("device: the reference, because there is \(reason)")
      return ReferenceBackend.shared
    }
    for candidate in list.ranked {
      do {
        let backend = try OpenCLBackend(candidate.device)
        guard let failure = try Self.failure(of: backend) else {
          Console.shared.detail(
            "device: \(candidate.index) '\(candidate.name)' of \(candidate.platform)")
          return backend
        }
        Console.shared.warn("device '\(candidate.name)' fails its self-test (\(failure)); not used")
      } catch let error as DeviceError {
        Console.shared.warn("\(error); not used")
      }
    }
    Console.shared.warn("no OpenCL device works; using the reference")
    return ReferenceBackend.shared
  }
}
