/// How rounding is learned.
///
/// The defaults of the schedule are the sources': Nagel et al., "Up or Down? Adaptive Rounding for
/// Post-Training Quantization", ICML 2020; Li et al., "BRECQ", ICLR 2021; Wei et al., "QDrop", ICLR 2022.
/// They take 20,000 steps; here rates follow from the number of steps, so that fewer go as far.
public struct ReconstructionSettings: Sendable, Hashable {
  /// What is trained at a time.
  public enum Scope: Sendable, Hashable {
    /// A layer with the activation behind it: rounding alone.
    case layers
    /// A block of layers: rounding, and with it scales of weights and activations and biases, while
    /// activations are left in float at random.
    case blocks
  }

  /// What is trained at a time.
  public var scope: Scope
  /// Steps for each layer or block.
  public var iterations: Int
  /// Samples of a step.
  public var batch: Int
  /// What draws samples and what is left in float.
  public var seed: UInt64

  /// Bytes of samples that are held at a time: what goes into a block and what the float network gives
  /// there. Of more than fit, others take their place in the course of the steps.
  public var heldBytes = 256 << 20
  /// The part of the steps before rounding is pulled to either side.
  public var warmUp = 0.2
  /// Exponents of the pull, from first to last.
  public var exponents: (first: Double, last: Double) { (20, 2) }
  /// The weight of the pull where the loss is 1 at the beginning.
  public var pull: Float = 10
  /// How far a parameter can go in all steps together.
  public var travel: Double = 10
  /// What scales and biases move by where rounding moves by 1: a part of the scale, and of the typical
  /// magnitude of a layer's results.
  public var share: Float = 0.05

  /// Makes settings.
  public init(scope: Scope, iterations: Int = 300, batch: Int = 32, seed: UInt64 = 0) {
    precondition(iterations > 0 && batch > 0, "\(iterations) steps of \(batch) samples")
    self.scope = scope
    self.iterations = iterations
    self.batch = batch
    self.seed = seed
  }

  /// The learning rate of step `step`, counted from 0.
  func rate(at step: Int) -> Float {
    let done = Double(step) / Double(iterations)
    return Float(min(travel / Double(iterations), 0.05) * (1 - 0.7 * done))
  }

  /// The pull's weight and exponent in step `step`.
  func pull(at step: Int) -> (weight: Float, exponent: Float) {
    let done = Double(step) / Double(iterations)
    guard done >= warmUp else { return (0, Float(exponents.first)) }
    let part = (done - warmUp) / (1 - warmUp)
    return (pull, Float(exponents.first + (exponents.last - exponents.first) * part))
  }
}
