import Glibc

/// What a bit costs in squared error.
public enum LagrangeMultiplier {
  /// The weight that encoders of HEVC give a bit at a quantization parameter: `0.85 * 2^((qp - 12) / 3)`,
  /// as the reference software HM has it.
  public static func ofQuantization(_ parameter: Double) -> Double {
    0.85 * pow(2, (parameter - 12) / 3)
  }
}

/// The peak signal-to-noise ratio of 8-bit samples.
public enum PeakSignalToNoise {
  /// `10 log10(255^2 / mean squared error)`; infinite where there is no error.
  public static func decibels(squaredError: Int, samples: Int) -> Double {
    10 * log10(255 * 255 * Double(samples) / Double(squaredError))
  }
}
