import Dispatch

/// Calls `body` with every index of `0..<count`, on all cores, and waits.
///
/// Every index must write to memory of its own; what it computes must not depend on the others, so
/// that results are the same for any number of threads. Nothing is started for a single index.
package func concurrently(_ count: Int, _ body: (Int) -> Void) {
  if count == 1 { return body(0) }
  withoutActuallyEscaping(body) { body in
    let work = Work(body: body)
    DispatchQueue.concurrentPerform(iterations: max(count, 0)) { work.body($0) }
  }
}

/// `@unchecked Sendable` because the callers of ``concurrently(_:_:)`` promise that calls with
/// different indices share nothing that is written.
private struct Work: @unchecked Sendable {
  let body: (Int) -> Void
}
