import ArgumentParser
import Bitstream
import Glibc
import LowBit
import OpenCLHost

/// What the command's exit code says; see the contract in the help of `qtool`.
enum ExitStatus: Int32 {
  case done = 0
  case gateNotMet = 1
  case usage = 2
  case model = 3
  case device = 4
  case data = 5
  case interrupted = 130
}

extension ExitStatus {
  /// The code that an error of the library ends the command with.
  ///
  /// An error of another kind is about a file or a setting that the caller named.
  init(for error: any Error) {
    switch error {
    case is GraphError: self = .model
    case is DataError, is CalibrationError, is BitstreamError, is VideoError: self = .data
    case is DeviceError, is OpenCLError, is DeviceSelectionError: self = .device
    case is GateNotMet: self = .gateNotMet
    default: self = .usage
    }
  }
}

/// A quality gate that was asked for (`--fail-below` and its like) is not met. Thrown after the
/// result has been printed.
struct GateNotMet: Error, CustomStringConvertible {
  let description: String
}

/// Settings that do not go together or values out of range, found after parsing.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension QTool {
  /// Ends the process with the code and the message of `error`.
  static func exit(withError error: any Error, reportedBy console: Console) -> Never {
    let parsed = exitCode(for: error)
    let isParserError = parsed == .validationFailure
    if parsed == .success {
      // Help, the version or a completion script was asked for.
      Glibc.exit(StandardOutput.printAtExit(fullMessage(for: error)))
    }
    if isParserError {
      let message = fullMessage(for: error)
      console.error(message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message)
      Glibc.exit(ExitStatus.usage.rawValue)
    }
    if let code = error as? ExitCode { Glibc.exit(code.rawValue) }
    console.error("\(error)")
    Glibc.exit(ExitStatus(for: error).rawValue)
  }
}
