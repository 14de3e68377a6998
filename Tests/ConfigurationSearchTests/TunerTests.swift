import ConfigurationSearch
import Testing

@Suite struct TunerTests {
  private let space = ConfigurationSpace([
    .init("limit", ["8", "32", "128"]), .init("range", ["minmax", "mse", "entropy"]),
    .init("improve", ["none", "squant", "squant,bias"]), .init("first-last", ["true", "false"]),
  ])

  /// What configurations are worth: effects of single values and one of two together.
  private var worth: [Double] {
    space.configurations.map { choice in
      Double([0, 3, 4][choice[0]]) + Double([0, 10, 6][choice[1]]) + Double([0, 5, 9][choice[2]])
        + Double([4, 0][choice[3]]) - (choice[1] == 0 && choice[2] > 0 ? 7 : 0)
    }
  }

  private func tuner(_ method: TuningMethod, seed: UInt64) -> ConfigurationTuner {
    var generator = Numbers(state: seed)
    return ConfigurationTuner(method, features: space.features, using: &generator)
  }

  private func run(_ method: TuningMethod, seed: UInt64) -> [Int] {
    var tuner = tuner(method, seed: seed)
    var order: [Int] = []
    while let choice = tuner.next() {
      tuner.note(worth[choice.configuration], of: choice.configuration)
      order.append(choice.configuration)
    }
    return order
  }

  @Test func spacesAreAllCombinationsThatArePossible() {
    #expect(space.configurations.count == 54)
    #expect(
      space.configurations.first == [0, 0, 0, 0] && space.configurations.last == [2, 2, 2, 1])
    #expect(
      space.name(of: [1, 2, 2, 0]) == "first-last=true improve=squant,bias limit=32 range=entropy")
    let some = ConfigurationSpace(space.axes) { $0[0] != 1 }
    #expect(some.configurations.count == 36 && !some.configurations.contains { $0[0] == 1 })
    // A number, three methods, three passes, two flags.
    #expect(space.features[0] == [8, 0, 1, 0, 0, 1, 0, 0, 1])
  }

  @Test(arguments: TuningMethod.allCases)
  func everyConfigurationIsTriedOnce(method: TuningMethod) {
    for seed in [0, 1] as [UInt64] {
      let order = run(method, seed: seed)
      #expect(order.sorted() == Array(0..<54))
      #expect(order == run(method, seed: seed))
    }
    #expect((run(method, seed: 1) == run(method, seed: 0)) == (method == .exhaustive))
  }

  /// Draws without repetition meet the best of n after (n + 1) / 2 trials in the mean.
  @Test func theRandomOrderFavoursNothing() {
    let best = worth.max() ?? 0
    let trials = (0..<400).compactMap {
      tuner(.random, seed: UInt64($0)).trials(to: best, in: worth)
    }
    let mean = Double(trials.reduce(0, +)) / 400
    // The standard error of the mean is sqrt((54^2 - 1) / 12 / 400) = 0.78.
    #expect(abs(mean - 27.5) < 4 * 0.78, "\(mean)")
  }

  /// The best is met earlier than by chance: worth that is learned from few trials is the method's point.
  @Test func predictionFindsTheBestEarlier() {
    let best = worth.max() ?? 0
    let trials = (0..<8).compactMap {
      tuner(.boosted, seed: UInt64($0)).trials(to: best, in: worth)
    }
    #expect(trials.count == 8 && trials.reduce(0, +) < 8 * 27 / 2, "\(trials)")
  }

  @Test func oneTrialInSoManyIsNotChosenByPrediction() {
    var tuner = tuner(.boosted, seed: 3)
    let random = run(.random, seed: 3)
    for trial in 0..<40 {
      guard let choice = tuner.next() else { break }
      let isPredicted =
        trial >= ConfigurationTuner.firstTrials
        && trial % ConfigurationTuner.explorationPeriod != 0
      #expect((choice.prediction != nil) == isPredicted)
      if trial < ConfigurationTuner.firstTrials { #expect(choice.configuration == random[trial]) }
      tuner.note(worth[choice.configuration], of: choice.configuration)
    }
    #expect(tuner.trials(to: 1000, in: worth) == nil)
  }
}
