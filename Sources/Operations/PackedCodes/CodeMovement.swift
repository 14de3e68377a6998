/// Packed 8-bit codes each of which is a code of one of several others, or the same for all: what
/// slices, borders, transpositions, concatenations and their kind are.
///
/// A result's code at image `n`, row `y`, column `x` and channel `c` is the byte
/// `images[n] + rows[y] + columns[x] + channels[c]` of a part's memory, where none of the four is
/// ``Part/outside``.
public struct CodeMovement: Sendable, Hashable {
  /// Where the codes of one part go.
  public struct Part: Sendable, Hashable {
    /// Stands where no code is this part's.
    public static let outside = Int32.min

    /// A summand of the address for every index of `[N, H, W, C]`, axis after axis.
    public var offsets: [Int32]

    /// Makes a part.
    public init(offsets: [Int32]) { self.offsets = offsets }
  }

  /// The result's shape, `[N, C, H, W]`.
  public let shape: [Int]
  /// The parts, in the order of the operands; where two have a code for one place, the later has it.
  public let parts: [Part]
  /// The code where no part has one.
  public let filling: UInt8

  /// Makes a movement.
  public init(shape: [Int], parts: [Part], filling: UInt8 = 0) {
    precondition(
      shape.count == 4 && !parts.isEmpty
        && parts.allSatisfy { $0.offsets.count == shape.reduce(0, +) },
      "a movement to \(shape)")
    self.shape = shape
    self.parts = parts
    self.filling = filling
  }

  /// How the result lies.
  public var layout: CodeLayout { CodeLayout(channels: shape[1]) }
}

extension CodeMovement {
  /// The movement that takes element `sources[part][i]` of a part, `nil` where it has none, to element
  /// `i` of a result `[N, C, H, W]` of `shape`.
  ///
  /// - Parameters:
  ///   - sources: For every part and every element of the result, the byte in the part's memory; negative
  ///     where the part has none.
  ///   - filling: The code where no part has one.
  /// - Returns: `nil` where addresses are no sums over the axes.
  package init?(shape: [Int], sources: [[Int32]], filling: UInt8) {
    var parts: [Part] = []
    for part in sources {
      guard let found = Part(shape: shape, sources: part) else { return nil }
      parts.append(found)
    }
    self.init(shape: shape, parts: parts, filling: filling)
  }
}

extension CodeMovement.Part {
  /// The sums over the axes that `sources`, in the order of `[N, C, H, W]`, are.
  fileprivate init?(shape: [Int], sources: [Int32]) {
    let (channels, height, width) = (shape[1], shape[2], shape[3])
    func element(_ n: Int, _ y: Int, _ x: Int, _ c: Int) -> Int {
      ((n * channels + c) * height + y) * width + x
    }
    guard let seed = sources.firstIndex(where: { $0 >= 0 }) else {
      self.init(offsets: Array(repeating: Self.outside, count: shape.reduce(0, +)))
      return
    }
    let place = (
      seed / (channels * height * width), seed / width % height, seed % width,
      seed / (height * width) % channels
    )
    let base = sources[seed]
    func offset(_ source: Int32) -> Int32 { source < 0 ? Self.outside : source - base }
    let images = (0..<shape[0]).map {
      let source = sources[element($0, place.1, place.2, place.3)]
      return source < 0 ? Self.outside : source
    }
    let rows = (0..<height).map { offset(sources[element(place.0, $0, place.2, place.3)]) }
    let columns = (0..<width).map { offset(sources[element(place.0, place.1, $0, place.3)]) }
    let depths = (0..<channels).map { offset(sources[element(place.0, place.1, place.2, $0)]) }
    // What was read along one line of every axis must hold everywhere.
    var index = 0
    for image in images {
      for depth in depths {
        for row in rows {
          let isOutside = [image, depth, row].contains(Self.outside)
          let start = Int(image) + Int(depth) + Int(row)
          for column in columns {
            let expected = isOutside || column == Self.outside ? -1 : start + Int(column)
            guard sources[index] < 0 ? expected < 0 : Int(sources[index]) == expected else {
              return nil
            }
            index += 1
          }
        }
      }
    }
    self.init(offsets: images + rows + columns + depths)
  }
}
