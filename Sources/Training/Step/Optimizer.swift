import Graph
import Tensors

/// How a gradient moves the parameters.
public struct Optimizer: Sendable, Hashable {
  /// The rule.
  public enum Rule: Sendable, Hashable {
    /// `v = momentum * v + g; w = w - rate * v`
    case momentum(Float)
    /// Adam with decoupled weight decay: Loshchilov and Hutter, "Decoupled Weight Decay
    /// Regularization", 2019, algorithm 2.
    case adam(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)
  }

  /// The rule.
  public var rule: Rule
  /// With momentum added to the gradient as `decay * w`; with Adam, `rate * decay * w` is taken away.
  public var weightDecay: Float
  /// The largest 2-norm of the gradient; a longer one is shortened to it.
  public var maximumNorm: Float?
  /// Whether a tensor is trained in units of the root mean square that it begins with: as if it were that number times a tensor of magnitude 1, which is what moves.
  ///
  /// A network that takes bytes as they are has a first layer whose weights are some hundred times
  /// smaller than the others'; steps of one size for all would destroy it. The idea is that of the
  /// relative step sizes of Shazeer and Stern, "Adafactor", ICML 2018, section 8, with units that
  /// stay. Biases and other vectors, which may begin anywhere near 0, have units from
  /// ``smallestVectorUnit`` on. Weight decay and ``maximumNorm`` are of what moves, too.
  public var usesRelativeSteps: Bool

  /// The least unit of a vector, and the unit of a tensor of zeros: with it the customary rate of relative
  /// steps, 0.01, moves a parameter as far as the customary rate of Adam's others.
  public static let smallestVectorUnit: Float = 0.1

  /// Makes an optimizer.
  public init(
    _ rule: Rule, weightDecay: Float = 0, maximumNorm: Float? = nil, usesRelativeSteps: Bool = false
  ) {
    self.rule = rule
    self.weightDecay = weightDecay
    self.maximumNorm = maximumNorm
    self.usesRelativeSteps = usesRelativeSteps
  }

  /// Vectors that the rule keeps from step to step.
  public var stateCount: Int { if case .adam = rule { 2 } else { 1 } }
}

/// The names of a step's values.
enum StepName {
  static let parameters = "step/parameters"
  static let newParameters = "step/new_parameters"
  static let rate = "step/rate"
  /// Every parameter's unit, where steps are relative.
  static let units = "step/units"
  /// `1 / (1 - beta^t)` of both betas of Adam in step t, counted from 1.
  static let corrections = ["step/correction_1", "step/correction_2"]
  static let target = "step/target"
  static let trainable = "step/trainable"
  static let loss = "step/loss"
  static func state(_ index: Int) -> String { "step/state_\(index)" }
  static func newState(_ index: Int) -> String { "step/new_state_\(index)" }
  static func newStatistic(_ index: Int) -> String { "step/new_statistic_\(index)" }
}

/// The nodes of an update.
struct OptimizerNodes {
  private(set) var nodes: [Node] = []
  private(set) var initializers: [String: Tensor] = [:]

  /// Adds the update of `parameters` by `gradient`, both vectors.
  mutating func update(_ optimizer: Optimizer, gradient: String) {
    var gradient = gradient
    let parameters = StepName.parameters
    let decay = optimizer.weightDecay
    var rate = StepName.rate
    if optimizer.usesRelativeSteps {
      gradient = add("Mul", [gradient, StepName.units])
      rate = add("Mul", [StepName.units, rate])
    }
    if let limit = optimizer.maximumNorm {
      // What does not move has no share in the norm.
      gradient = add("Where", [StepName.trainable, gradient, number(0)])
      let norm = add("ReduceL2", [gradient], attributes: ["keepdims": .int(0)])
      // limit / max(norm, limit) is 1 for a short gradient.
      let longest = add("Max", [norm, number(limit)])
      gradient = add("Mul", [gradient, add("Div", [number(limit), longest])])
    }
    var moved: String
    switch optimizer.rule {
    case .momentum(let momentum):
      if decay != 0 {
        let moving =
          optimizer.usesRelativeSteps ? add("Div", [parameters, StepName.units]) : parameters
        gradient = add("Add", [gradient, add("Mul", [moving, number(decay)])])
      }
      let kept = add("Mul", [StepName.state(0), number(momentum)])
      let velocity = add("Add", [kept, gradient], writing: StepName.newState(0))
      moved = add("Sub", [parameters, add("Mul", [velocity, rate])])
    case .adam(let beta1, let beta2, let epsilon):
      let mean = average(0, of: gradient, beta1)
      let square = average(1, of: add("Mul", [gradient, gradient]), beta2)
      let numerator = add("Mul", [mean, StepName.corrections[0]])
      let root = add("Sqrt", [add("Mul", [square, StepName.corrections[1]])])
      let step = add("Div", [numerator, add("Add", [root, number(epsilon)])])
      moved = add("Sub", [parameters, add("Mul", [step, rate])])
      if decay != 0 {
        let share = add("Mul", [parameters, add("Mul", [StepName.rate, number(decay)])])
        moved = add("Sub", [moved, share])
      }
    }
    _ = add(
      "Where", [StepName.trainable, moved, parameters], writing: StepName.newParameters)
  }

  /// `beta * state + (1 - beta) * value`, which becomes the new state.
  private mutating func average(_ index: Int, of value: String, _ beta: Float) -> String {
    let kept = add("Mul", [StepName.state(index), number(beta)])
    let added = add("Mul", [value, number(1 - beta)])
    return add("Add", [kept, added], writing: StepName.newState(index))
  }

  private mutating func add(
    _ operatorType: String, _ inputs: [String], attributes: [String: Attribute] = [:],
    writing name: String? = nil
  ) -> String {
    let name = name ?? "update/\(nodes.count)"
    nodes.append(Node(operatorType, inputs: inputs, outputs: [name], attributes: attributes))
    return name
  }

  private mutating func number(_ value: Float) -> String {
    let name = "update/number/\(value)"
    initializers[name] = Tensor(scalar: value)
    return name
  }
}
