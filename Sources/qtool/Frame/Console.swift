import Glibc
import Synchronization

/// Standard error: notes, warnings, errors and progress.
final class Console: Sendable {
  /// The one of this process.
  static let shared = Console()

  enum Verbosity: Int, Comparable {
    case quiet, normal, verbose
    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// Whether standard error is a terminal that can rewrite a line.
  let isTerminal: Bool

  private let usesColor: Bool
  private let state = Mutex(State())

  private struct State {
    var verbosity = Verbosity.normal
    var hasStatus = false
  }

  private init() {
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    isTerminal = isatty(STDERR_FILENO) == 1 && terminal != "dumb" && !terminal.isEmpty
    // https://no-color.org: present and not empty
    let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    usesColor = isTerminal && !refused
  }

  var verbosity: Verbosity {
    get { state.withLock { $0.verbosity } }
    set { state.withLock { $0.verbosity = newValue } }
  }

  /// What a user wants to know unless asked to be quiet.
  func note(_ text: String) {
    if verbosity >= .normal { raw(text) }
  }

  /// What only `-v` shows.
  func detail(_ text: String) {
    if verbosity >= .verbose { raw(text) }
  }

  /// Something went differently from what was asked for. Shown even when quiet.
  func warn(_ text: String) {
    raw("\(colored("warning:", code: 33)) \(text)")
  }

  /// Why the command ends.
  func error(_ text: String) {
    raw("\(colored("error:", code: 31)) \(text)")
  }

  /// A line as it is.
  func raw(_ text: String) {
    state.withLock { state in
      write((state.hasStatus ? Self.clearLine : "") + text + "\n")
      state.hasStatus = false
    }
  }

  /// Shows `text` in a line that the next output replaces; terminals only.
  func status(_ text: String) {
    guard isTerminal else { return }
    state.withLock { state in
      write(Self.clearLine + text)
      state.hasStatus = true
    }
  }

  /// Removes the status line.
  func clearStatus() {
    state.withLock { state in
      if state.hasStatus { write(Self.clearLine) }
      state.hasStatus = false
    }
  }

  private static let clearLine = "\r\u{1b}[K"

  private func colored(_ text: String, code: Int) -> String {
    usesColor ? "\u{1b}[1;\(code)m\(text)\u{1b}[0m" : text
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
        if count <= 0 { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }
}
