import Graph
import TestNetworks
import Video

/// A small filter on codes, and pictures for it.
enum FilterNetwork {
  /// Two convolutions whose result is added to the picture.
  static var graph: Graph {
    PictureFilterNetwork(
      kernels: [
        (0..<18).map { Int8(($0 * 37 + 11) % 41 + 10) },
        (0..<18).map { Int8(($0 * 29 + 7) % 31 - 15) },
      ],
      scales: [[0.003, 0.004], [0.001]], biases: [[100, -200], [0]],
      results: [(0.008, 0), (0.002, 128)]
    ).graph
  }

  static func picture(_ seed: Int, width: Int = 24, height: Int = 16) -> Picture {
    let count = Picture.sampleCount(width: width, height: height)
    return Picture(
      width: width, height: height,
      samples: (0..<count).map { UInt8(truncatingIfNeeded: 60 + ($0 * $0 / 9 + seed * 31) % 120) })
  }
}
