import Operations
import Tensors

extension OperationCase {
  /// Every coordinate mode with every interpolation, growing and shrinking.
  public static var resamplings: [OperationCase] {
    var samples = SampleValues(seed: 61)
    let x = samples.floats([1, 2, 5, 6])
    let coordinates: [Resampling.Coordinates] = [
      .halfPixel, .halfPixelSymmetric, .pytorchHalfPixel, .alignCorners, .asymmetric,
      .tensorflowHalfPixelForNearest,
      .cropAndResize(start: [0, 0, 0.2, -0.1], end: [1, 1, 0.9, 1.3], extrapolation: 7),
    ]
    let interpolations: [Resampling.Interpolation] = [
      .nearest(.preferFloor), .nearest(.preferCeil), .nearest(.floor), .nearest(.ceil), .linear,
      .cubic(a: -0.75), .cubic(a: -0.5),
    ]
    var cases: [OperationCase] = []
    for extents in [[1, 2, 9, 13], [1, 2, 3, 2], [1, 2, 1, 6]] {
      for mode in coordinates {
        for interpolation in interpolations {
          cases.append(
            OperationCase(
              "\(mode), \(interpolation), \(extents)",
              .resize(
                resampling(x.shape, extents, coordinates: mode, interpolation: interpolation)), [x])
          )
        }
      }
      for interpolation in [Resampling.Interpolation.linear, .cubic(a: -0.75)] {
        for (outside, antialias) in [(true, false), (false, true), (true, true)] {
          var settings = resampling(
            x.shape, extents, coordinates: .halfPixel, interpolation: interpolation)
          settings.excludesOutside = outside
          settings.antialias = antialias
          cases.append(
            OperationCase(
              "\(interpolation), excludes outside \(outside), antialias \(antialias), \(extents)",
              .resize(settings), [x]))
        }
      }
    }
    cases += [
      OperationCase(
        "codes",
        .resize(
          resampling(
            [2, 3, 4], [2, 6, 8], coordinates: .asymmetric, interpolation: .nearest(.floor))),
        [samples.codes([2, 3, 4], as: .uint8)]),
      OperationCase(
        "interpolated codes",
        .resize(
          resampling(
            [2, 3, 4], [2, 5, 7], coordinates: .halfPixel, interpolation: .cubic(a: -0.75))),
        [samples.codes([2, 3, 4], as: .uint8)]),
      OperationCase(
        "a scale that the extents do not have",
        .resize(
          Resampling(
            extents: [1, 1, 4, 4], scales: [1, 1, 0.7, 0.7], coordinates: .halfPixel,
            interpolation: .linear)), [samples.floats([1, 1, 6, 6])]),
    ]
    return cases
  }

  /// Scales as the extents imply.
  private static func resampling(
    _ from: [Int], _ to: [Int], coordinates: Resampling.Coordinates,
    interpolation: Resampling.Interpolation
  ) -> Resampling {
    var coordinates = coordinates
    if case .cropAndResize(_, _, let extrapolation) = coordinates, from.count != 4 {
      coordinates = .cropAndResize(
        start: from.map { _ in 0 }, end: from.map { _ in 1 }, extrapolation: extrapolation)
    }
    return Resampling(
      extents: to, scales: zip(from, to).map { Float(Double($1) / Double($0)) },
      coordinates: coordinates, interpolation: interpolation)
  }
}
