import Bitstream
import Execution
public import Graph
public import Operations
public import Signalling
import Tensors
import Training
public import Video

/// What is overfitted; everything else is frozen.
public enum OverfittedParameters: String, Sendable, CaseIterable, Encodable {
  /// A factor of each output channel of each convolution.
  case multipliers
  /// The biases of convolutions.
  case biases
  /// Both.
  case both

  var hasMultipliers: Bool { self != .biases }
  var hasBiases: Bool { self != .multipliers }
}

/// How a network is overfitted to pictures.
public struct OverfittingPlan: Sendable {
  /// What moves.
  public var parameters = OverfittedParameters.multipliers
  /// Passes over the pictures.
  public var epochs = 20
  /// The highest learning rate, of Adam; it falls to 0 like a cosine.
  public var rate = 0.01
  /// Fraction bits of multipliers that are tried; each must be within `ChannelMultipliers.shifts`.
  public var shifts = [4, 5, 6, 7, 8]
  /// What a bit of an update costs in squared error of samples.
  public var lambda: Double = 0
  /// How updates are written: what is charged is the length of these messages.
  public var messages = MessageForm()

  /// A plan with the usual settings.
  public init() {}
}

/// A network, its pictures' squared error, and the bytes of its update.
public struct OverfittedNetwork: Sendable {
  /// The network on codes.
  public var graph: Graph
  /// The sum of squared differences of all samples from the originals.
  public var squaredError: Int
  /// Bytes of the update's NAL units as the plan has them written; 0 for the base.
  public var updateBytes: Int
  /// The epoch after which it was found; 0 for the base.
  public var epoch: Int
  /// Fraction bits of the multipliers; `nil` where they did not move.
  public var shift: Int?

  /// Squared error and bits, weighed.
  public func cost(_ lambda: Double) -> Double {
    Double(squaredError) + lambda * 8 * Double(updateBytes)
  }
}

/// Overfits multipliers or biases of a network on codes to pictures, by gradients of its
/// `DifferentiableForm`; what is found is rounded to its grid and judged by the network on codes.
///
/// After every epoch each grid that the plan names makes a candidate: its update is coded, its pictures are
/// filtered on integers, and the one with the least `squared error + lambda * bits` is kept, the base
/// without an update among them.
public struct Overfitting<B: Backend> {
  private let base: Graph
  private let layers: [AdaptableLayer]
  private let property: PostFilterProperty
  private let pictures: [(decoded: Picture, original: Picture)]
  private let plan: OverfittingPlan
  private let backend: B
  /// What sums of candidates may need; `nil` for any number.
  private let accumulatorBits: Int?
  private var trainer: Trainer<B>

  /// Prepares it.
  ///
  /// - Parameters:
  ///   - base: The network on codes, with QLinearConv.
  ///   - property: What goes in and comes out.
  ///   - pictures: Decoded pictures and what they should be, of one size.
  ///   - plan: How.
  ///   - backend: Where.
  /// - Throws: `GraphError` for networks that cannot be trained so.
  public init(
    _ base: Graph, _ property: PostFilterProperty,
    pictures: [(decoded: Picture, original: Picture)], plan: OverfittingPlan, on backend: B
  ) throws {
    precondition(!pictures.isEmpty, "there are no pictures to overfit to")
    self.base = base
    self.property = property
    self.pictures = pictures
    self.plan = plan
    self.backend = backend
    guard base.inputs.count == 1, base.outputs.count == 1 else {
      throw GraphError.unsupported("a network that is overfitted has one input and one output")
    }
    let mode = ArithmeticMode(property: base.metadata[ArithmeticMode.property])
    if plan.parameters.hasMultipliers, let mode, mode.isShift {
      throw GraphError.unsupported(
        "multipliers make scales that are no powers of two, which mode '\(mode.name)' does not have; "
          + "biases can be overfitted")
    }
    // Sums of this mode wrap by definition.
    accumulatorBits =
      mode == .sadl ? nil : try base.accumulatorBits() ?? AccumulatorWidth.standard
    layers = try base.adaptableLayers()
    var form = try DifferentiableForm(base, layers).graph
    let shape = try property.tensor(of: pictures[0].decoded).shape
    form.inputs[0].shape = shape.map { .fixed($0) }
    form.outputs[0].shape = nil
    var names: [String] = []
    for layer in layers {
      if plan.parameters.hasMultipliers { names.append(layer.multipliers) }
      if plan.parameters.hasBiases, layer.bias != nil { names.append(layer.realBias) }
    }
    guard !names.isEmpty else {
      throw GraphError.unsupported("no convolution has a bias of its own to be overfitted")
    }
    let scope = TrainingScope(parameters: TrainedParameters(of: form, named: names))
    let optimizer = Optimizer(.adam())
    let step = try StepGraph(
      form, batch: 1, loss: .squaredError, optimizer: optimizer, scope: scope)
    trainer = try Trainer(step, of: form, optimizer: optimizer, on: backend)
  }

  /// The base as it is.
  public func unchanged() throws -> OverfittedNetwork {
    OverfittedNetwork(
      graph: base, squaredError: try judged(base).squaredError, updateBytes: 0, epoch: 0)
  }

  /// Trains, and returns the candidate of the least cost.
  ///
  /// - Parameter observe: Called after each epoch with its number and the best candidate so far.
  public mutating func run(
    observe: (Int, OverfittedNetwork) throws -> Void = { _, _ in }
  ) throws -> OverfittedNetwork {
    var best = try unchanged()
    let rates = RateSchedule(peak: plan.rate)
    for epoch in stride(from: 1, through: plan.epochs, by: 1) {
      for (index, pair) in pictures.enumerated() {
        let step = (epoch - 1) * pictures.count + index
        _ = try trainer.advance(
          [base.inputs[0].name: try property.tensor(of: pair.decoded)],
          target: try property.tensor(of: pair.original),
          rate: rates.rate(at: step, of: plan.epochs * pictures.count))
      }
      for candidate in try candidates(epoch: epoch)
      where candidate.cost(plan.lambda) < best.cost(plan.lambda) {
        best = candidate
      }
      try observe(epoch, best)
    }
    return best
  }

  // MARK: Candidates

  private func candidates(epoch: Int) throws -> [OverfittedNetwork] {
    let values = try trainer.trainedTensors()
    var seen: [Graph] = []
    var candidates: [OverfittedNetwork] = []
    for shift in plan.parameters.hasMultipliers ? plan.shifts : [0] {
      let graph = try rounded(values, shift: shift, epoch: epoch)
      guard graph != base, !seen.contains(graph) else { continue }
      seen.append(graph)
      guard try fitsAccumulators(graph) else { continue }
      let (error, first) = try judged(graph)
      let update = try plan.messages.units(of: graph, updating: base, first: first)
      candidates.append(
        OverfittedNetwork(
          graph: graph, squaredError: error, updateBytes: update.count, epoch: epoch,
          shift: plan.parameters.hasMultipliers ? shift : nil))
    }
    return candidates
  }

  /// Whether no sum needs more bits than the model's accumulators have.
  private func fitsAccumulators(_ graph: Graph) throws -> Bool {
    guard let accumulatorBits else { return true }
    return try IntegerNetwork(graph, allowsOverflow: true).layers.allSatisfy {
      ($0.accumulator?.bits ?? 0) <= accumulatorBits
    }
  }

  /// The base with trained values on their integer grids.
  ///
  /// - Throws: `GraphError` naming the layer whose values are not finite.
  private func rounded(
    _ values: [String: Tensor], shift: Int, epoch: Int
  ) throws(GraphError) -> Graph {
    var graph = base
    for layer in layers {
      guard let scales = base.initializers[layer.scales] else { continue }
      let old = scales.array(of: Float.self)
      if let multipliers = values[layer.multipliers]?.array(of: Float.self) {
        try layer.requireFinite(multipliers, "multipliers", epoch: epoch)
        let new = zip(old, multipliers).map { scale, multiplier in
          // Not 0 and not below: a scale is above 0.
          let code = max(((multiplier - 1) * Float(1 << shift)).rounded(), 1 - Float(1 << shift))
          return ChannelMultipliers.scale(scale, code: Int(min(code, 16_384)), shift: shift)
        }
        graph.initializers[layer.scales] = Tensor(new, shape: scales.shape)
      }
      if let name = layer.bias, let bias = values[layer.realBias]?.array(of: Float.self),
        let model = base.initializers[name]
      {
        let quotients = zip(bias, old).map { $0 / (layer.inputScale * $1) }
        try layer.requireFinite(quotients, "biases", epoch: epoch)
        let codes = quotients.map { Int32(min(max($0.rounded(), -1e9), 1e9)) }
        graph.initializers[name] = Tensor(codes, shape: model.shape)
      }
    }
    return graph
  }

  private func judged(_ graph: Graph) throws -> (squaredError: Int, first: Picture) {
    try PictureFilter(graph, property, on: backend).judged(pictures)
  }
}

extension AdaptableLayer {
  fileprivate func requireFinite(
    _ values: [Float], _ what: String, epoch: Int
  ) throws(GraphError) {
    guard let value = values.first(where: { !$0.isFinite }) else { return }
    throw .invalid(
      "layer '\(label)': of its \(what) one is \(value) after epoch \(epoch); a lower learning rate "
        + "may help")
  }
}
