import Operations
import Signalling
import Video

extension PictureFilter {
  /// How far pictures are from their originals when they are filtered, and the first of them.
  ///
  /// - Precondition: There is a picture.
  func judged(
    _ pictures: [(decoded: Picture, original: Picture)]
  ) throws -> (squaredError: Int, first: Picture) {
    let first = try filtered(pictures[0].decoded)
    let rest = try pictures.dropFirst().reduce(0) { sum, pair in
      sum + (try filtered(pair.decoded).squaredError(to: pair.original))
    }
    return (first.squaredError(to: pictures[0].original) + rest, first)
  }
}
