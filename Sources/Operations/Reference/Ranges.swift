/// Cuts `0..<count` into consecutive ranges of at least `grain` and calls `body` with each, on all
/// cores. A range must write to memory of its own.
func concurrentRanges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
  guard count > 0 else { return }
  let pieces = max(1, min(count / max(grain, 1), 64))
  concurrently(pieces) { piece in
    body(count * piece / pieces..<count * (piece + 1) / pieces)
  }
}

/// Elements that are worth a thread of their own in cheap operations.
let elementGrain = 16384
