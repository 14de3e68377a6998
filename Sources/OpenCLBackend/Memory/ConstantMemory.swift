import Synchronization

/// Descriptions of launches on the device, by their contents: a graph that runs a second time, with
/// the same shapes, uploads nothing.
final class ConstantMemory: Sendable {
  /// A description has at most a few hundred bytes.
  private static let limit = 4096

  private let known = Mutex<[[Int32]: DeviceMemory]>([:])

  /// The memory that holds `words`, made at first use.
  ///
  /// Two threads may both make it; one of the two is dropped. When there are too many, all are
  /// forgotten; a queued launch keeps what it reads.
  func memory(
    holding words: [Int32], make: () throws -> DeviceMemory
  ) throws -> DeviceMemory {
    if let memory = known.withLock({ $0[words] }) { return memory }
    let memory = try make()
    let forgotten = known.withLock { known -> [[Int32]: DeviceMemory] in
      let forgotten = known.count < Self.limit ? [:] : known
      if !forgotten.isEmpty { known = [:] }
      known[words] = memory
      return forgotten
    }
    withExtendedLifetime(forgotten) {}  // released outside of the lock
    return memory
  }
}

extension OpenCLBackend {
  /// What a kernel takes as a `__constant` structure of `int`.
  ///
  /// Structures are not passed by value, because Mesa's rusticl 22 gives such an argument another
  /// size than the other drivers and refuses it.
  func constants(_ words: [Int32]) throws -> DeviceMemory {
    try constantMemory.memory(holding: words) { try uploadNumbers(words) }
  }
}
