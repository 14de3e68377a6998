import Files

/// The most memory that this process has had in use.
enum PeakMemory {
  /// In bytes; `nil` where the system does not say.
  static var bytes: Int? {
    // The kernel counts pages that were really used, and only since the program began; getrusage
    // would also count those of the process that started it.
    guard let status = try? WholeFile.read("/proc/self/status", limit: 1 << 16) else { return nil }
    for line in String(decoding: status, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("VmHWM:") {
      return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        .map { $0 << 10 }
    }
    return nil
  }
}
