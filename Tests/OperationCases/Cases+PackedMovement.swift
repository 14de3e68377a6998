import Operations
import Tensors

extension OperationCase {
  /// Packed codes in other places: parts of one and of several operands, with channels that fill vectors
  /// and that do not.
  public static var packedMovements: [OperationCase] {
    [3, 32, 40].flatMap { movements(channels: $0) } + blockMovements
  }

  private static func movements(channels: Int) -> [OperationCase] {
    [
      movement("every second row, from the last", [[2, channels, 7, 5]], [2, channels, 4, 5]) {
        (0, [$0, $1, 6 - 2 * $2, $3])
      },
      movement("a border", [[2, channels, 3, 5]], [2, channels, 6, 9], filling: 200) {
        $2 < 1 || $2 > 3 || $3 < 2 || $3 > 6 ? nil : (0, [$0, $1, $2 - 1, $3 - 2])
      },
      movement("channels among themselves", [[2, channels, 3, 5]], [2, channels, 3, 5]) {
        (0, [$0, ($1 * 7 + 1) % channels, $2, $3])
      },
      movement("columns are channels", [[1, channels, 3, 37]], [1, 37, 3, channels]) {
        (0, [$0, $3, $2, $1])
      },
      movement("the nearest pixel", [[1, channels, 20, 13]], [1, channels, 60, 26]) {
        (0, [$0, $1, $2 / 3, $3 / 2])
      },
      movement(
        "three parts", [[2, channels, 3, 5], [2, 5, 3, 5], [2, 33, 3, 5]],
        [2, channels + 38, 3, 5]
      ) {
        if $1 < channels { return (0, [$0, $1, $2, $3]) }
        return $1 < channels + 5
          ? (1, [$0, $1 - channels, $2, $3]) : (2, [$0, $1 - channels - 5, $2, $3])
      },
      movement(
        "rows of two parts", [[1, channels, 2, 3], [1, channels, 4, 3]], [1, channels, 6, 3]
      ) {
        $2 < 2 ? (0, [$0, $1, $2, $3]) : (1, [$0, $1, $2 - 2, $3])
      },
    ]
  }

  private static var blockMovements: [OperationCase] {
    [
      movement("channels spread over pixels", [[2, 36, 3, 5]], [2, 9, 6, 10]) {
        let block = $2 % 2 * 2 + $3 % 2
        return (0, [$0, block * 9 + $1, $2 / 2, $3 / 2])
      },
      movement("pixels gathered in channels", [[1, 3, 6, 4]], [1, 12, 3, 2]) {
        let (row, column) = ($1 / 6, $1 / 3 % 2)
        return (0, [$0, $1 % 3, $2 * 2 + row, $3 * 2 + column])
      },
      movement("flat", [[3, 5, 4, 3]], [3, 60, 1, 1]) { n, c, _, _ in
        (0, [n, c / 12, c / 3 % 4, c % 3])
      },
      movement("nothing", [[0, 5, 4, 3]], [0, 5, 2, 3]) { (0, [$0, $1, $2, $3]) },
      movement("a filling alone", [[1, 5, 4, 3]], [1, 40, 2, 2], filling: 9) { _, _, _, _ in nil },
    ]
  }

  /// A case from random codes of `shapes` to `shape`, `[N, C, H, W]` each; `source` gives the operand and
  /// its indices in the same order.
  private static func movement(
    _ name: String, _ shapes: [[Int]], _ shape: [Int], filling: UInt8 = 0,
    _ source: (Int, Int, Int, Int) -> (part: Int, place: [Int])?
  ) -> OperationCase {
    var samples = SampleValues(seed: 51)
    var sources = shapes.map { _ in [Int32](repeating: -1, count: shape.reduce(1, *)) }
    var element = 0
    for n in 0..<shape[0] {
      for c in 0..<shape[1] {
        for y in 0..<shape[2] {
          for x in 0..<shape[3] {
            if let (part, place) = source(n, c, y, x) {
              let (height, width) = (shapes[part][2], shapes[part][3])
              let pixel = (place[0] * height + place[2]) * width + place[3]
              let pitch = CodeLayout(channels: shapes[part][1]).pixelBytes
              sources[part][element] = Int32(pixel * pitch + place[1])
            }
            element += 1
          }
        }
      }
    }
    guard let movement = CodeMovement(shape: shape, sources: sources, filling: filling) else {
      preconditionFailure("\(name) is no movement")
    }
    return OperationCase(
      "\(shapes[0][1]) channels, \(name)", .moveCodes(movement),
      shapes.map { samples.codes($0, as: .uint8) })
  }
}
