/// A model of mixed precision that was quantized and measured whole.
public struct MeasuredPrecision: Sendable, Hashable {
  /// How good it is on data with labels or with pictures to compare with.
  public struct Score: Sendable, Hashable, Codable {
    /// `top-1` or `PSNR`
    public var name: String
    /// `%` or `dB`
    public var unit: String
    /// More is better.
    public var value: Double

    /// Makes a score.
    public init(name: String, unit: String, value: Double) {
      self.name = name
      self.unit = unit
      self.value = value
    }
  }

  /// Where it comes from.
  public enum Origin: Sendable, Hashable {
    /// All layers have the same precision, the first and the last perhaps the finest one.
    case uniform(LayerPrecision, fineBorders: Bool)
    /// It is the best choice for some budget.
    case searched

    /// `w4a8`, `w4a8, borders w8a8` without the latter's name, or `mixed`
    public var name: String {
      switch self {
      case .uniform(let precision, let fineBorders):
        fineBorders ? "\(precision), first and last finer" : "\(precision)"
      case .searched: "mixed"
      }
    }
  }

  /// Where it comes from.
  public var origin: Origin
  /// For each layer, which of the choices it has.
  public var options: [Int]
  /// What it costs in the unit of the budget.
  public var cost: Int
  /// Bytes of its constants.
  public var bytes: Int
  /// What it loses if losses of layers add up.
  public var expectedLoss: Double
  /// How far its answers are from the float network's.
  public var divergence: OutputDivergence
  /// How good it is; `nil` where nothing was given to score by.
  public var score: Score?

  /// Makes a measurement.
  public init(
    origin: Origin, options: [Int], cost: Int, bytes: Int, expectedLoss: Double,
    divergence: OutputDivergence, score: Score?
  ) {
    self.origin = origin
    self.options = options
    self.cost = cost
    self.bytes = bytes
    self.expectedLoss = expectedLoss
    self.divergence = divergence
    self.score = score
  }
}
