public import Operations
public import Quantization
public import Tensors

/// Rows or histograms whose quantizers are to be searched.
public struct SearchCase: Sendable, CustomStringConvertible {
  /// What is searched.
  public enum Source: Sendable {
    /// Every row of a `float32` tensor `[rows, count]`.
    case rows(Tensor)
    /// Histograms.
    case histograms([Histogram])
  }

  /// What is searched.
  public let source: Source
  /// Levels of the quantizers.
  public let levels: Int
  /// Symmetric or affine.
  public let scheme: Scheme
  /// Sizes, levels and scheme.
  public let description: String

  /// The fits that `backend` finds.
  public func result<B: Backend>(on backend: B) throws -> [QuantizerFit] {
    switch source {
    case .rows(let tensor):
      try backend.searchQuantizers(rows: backend.upload(tensor), levels: levels, scheme: scheme)
    case .histograms(let histograms):
      try backend.searchQuantizers(histograms, levels: levels, scheme: scheme)
    }
  }

  /// The cases that every backend must search alike.
  public static let all: [SearchCase] = Scheme.allCases.flatMap { scheme in
    rowCases(scheme) + histogramCases(scheme)
  }

  private static func rowCases(_ scheme: Scheme) -> [SearchCase] {
    [(1, [2, 256]), (9, [3, 16]), (40, [4]), (257, [2, 16]), (600, [256])].flatMap {
      (length: Int, levels: [Int]) in
      levels.map { levels in
        let rows = length > 10 ? 3 : 27
        return SearchCase(
          source: .rows(Self.rows(rows, length)), levels: levels, scheme: scheme,
          description: "\(rows) rows of \(length), \(levels) levels, \(scheme)")
      }
    }
  }

  private static func histogramCases(_ scheme: Scheme) -> [SearchCase] {
    [64, 1024].flatMap { bins in
      let histograms = ReferenceBackend.shared.histograms(
        rows(6, 100), axis: 0, layout: .growing(binsPerSide: bins))
      return [2, 16, 256].map { levels in
        SearchCase(
          source: .histograms(histograms), levels: levels, scheme: scheme,
          description: "histograms of \(bins) bins a side, \(levels) levels, \(scheme)")
      }
    }
  }

  /// Rows of different kinds: tails, outliers, one side only, constants, zeros, extremes, NaN.
  private static func rows(_ rows: Int, _ length: Int) -> Tensor {
    let special: [[Float]] = [
      [0], [5], [-0.25], [3e38, -3e38], [0x1p-133, -0x1p-132], [.nan, 1, 2], [.infinity, -3, 0, 1],
      [1e-31, 0], [-1e30, 1e30, 1],
    ]
    var state: UInt32 = 7
    func next() -> Float {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) / 8_388_608 - 1
    }
    let values = (0..<rows).flatMap { row -> [Float] in
      if row % 3 == 2 {
        let values = special[row / 3 % special.count]
        return (0..<length).map { values[$0 % values.count] }
      }
      return (0..<length).map { index in
        let bell = next() + next() + next()
        switch row % 4 {
        case 0: return bell * 0.02
        case 1: return bell * bell * bell
        case 2: return max(bell, 0) + 0.1
        default: return index % 211 == 3 ? bell * 20 : bell
        }
      }
    }
    return Tensor(values, shape: [rows, length])
  }
}
