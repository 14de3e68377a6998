import Dispatch
import Glibc
import Synchronization

/// Batches of a stream in order, prepared ahead by threads of its own.
///
/// A bounded number of batches waits at any time. What is delivered does not depend on the number of
/// threads: a batch's bytes depend on its number alone.
public final class BatchLoader: Sendable {
  private let queue: BatchQueue

  /// Starts to prepare batches.
  ///
  /// - Parameters:
  ///   - stream: Where the batches come from.
  ///   - numbers: Which of them, in this order.
  ///   - threads: Threads that read and prepare.
  public init(_ stream: TrainingStream, _ numbers: Range<Int>, threads: Int = 2) {
    precondition(threads > 0, "\(threads) threads")
    queue = BatchQueue(stream, numbers, capacity: 2 * threads)
    for _ in 0..<min(threads, numbers.count) { queue.startThread() }
  }

  deinit { queue.cancel() }

  /// The next batch, in the order of the numbers; `nil` after the last.
  ///
  /// - Throws: What ``TrainingStream/batch(at:)`` throws; nothing comes after it.
  public func next() throws -> Batch? { try queue.next() }
}

/// What a loader and its threads share; the threads keep it alive.
private final class BatchQueue: Sendable {
  private let stream: TrainingStream
  private let numbers: Range<Int>
  private let state: Mutex<State>
  /// Places for batches that are prepared or wait.
  private let places = DispatchSemaphore(value: 0)
  /// Counts every batch that has come; the taker looks again whenever one has.
  private let arrivals = DispatchSemaphore(value: 0)

  private struct State {
    /// The number that the next free thread prepares.
    var begun: Int
    var taken: Int
    var isCancelled = false
    var waiting: [Int: Result<Batch, any Error>] = [:]
  }

  init(_ stream: TrainingStream, _ numbers: Range<Int>, capacity: Int) {
    self.stream = stream
    self.numbers = numbers
    state = Mutex(State(begun: numbers.lowerBound, taken: numbers.lowerBound))
    for _ in 0..<capacity { places.signal() }
  }

  func startThread() {
    var thread = pthread_t()
    let queue = Unmanaged.passRetained(self).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { queue in
        guard let queue else { return nil }
        Unmanaged<BatchQueue>.fromOpaque(queue).takeRetainedValue().prepare()
        return nil
      }, queue)
    precondition(status == 0, "no thread can be started: \(String(cString: strerror(status)))")
    pthread_detach(thread)
  }

  /// Prepares batches until there are no more. A place is taken before a number, so that the batch
  /// that is wanted next always has one.
  private func prepare() {
    while true {
      places.wait()
      let number: Int? = state.withLock { state in
        guard !state.isCancelled, state.begun < numbers.upperBound else { return nil }
        defer { state.begun += 1 }
        return state.begun
      }
      guard let number else {
        // The others wait for a place, too.
        places.signal()
        return
      }
      let result = Result { try stream.batch(at: number) }
      state.withLock { $0.waiting[number] = result }
      arrivals.signal()
    }
  }

  func next() throws -> Batch? {
    while true {
      let (isOver, found): (Bool, Result<Batch, any Error>?) = state.withLock { state in
        if state.taken >= numbers.upperBound { return (true, nil) }
        guard let found = state.waiting.removeValue(forKey: state.taken) else {
          return (false, nil)
        }
        state.taken += 1
        if case .failure = found {
          state.isCancelled = true
          state.taken = numbers.upperBound
        }
        return (false, found)
      }
      if isOver { return nil }
      guard let found else {
        arrivals.wait()
        continue
      }
      places.signal()
      return try found.get()
    }
  }

  func cancel() {
    state.withLock { $0.isCancelled = true }
    places.signal()
  }
}
