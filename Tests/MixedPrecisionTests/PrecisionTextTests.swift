import MixedPrecision
import PostTraining
import Testing

@Suite struct PrecisionTextTests {
  @Test(arguments: [("w4a8", 16, 256), ("23x19", 23, 19), ("w2a4", 4, 16), ("w1a16", 2, 65536)])
  func precisionsAreReadAndWritten(_ text: String, _ weights: Int, _ activations: Int) throws {
    let precision = try LayerPrecision(parsing: text)
    #expect(precision.weightLevels == weights && precision.activationLevels == activations)
    #expect(precision.description == text)
  }

  @Test(arguments: ["", "w4", "a8", "float", "w9a8", "w4a17", "1x8", "tensor", "w4a8x"])
  func whatIsNoPrecisionIsAnError(_ text: String) {
    #expect(throws: SettingsError.self) { try LayerPrecision(parsing: text) }
  }

  @Test func bitsAreLogarithmsRoundedUp() throws {
    let bits = try LayerPrecision(parsing: "23x4").bits
    #expect(bits.weights == 5 && bits.activations == 2)
  }

  @Test func budgetsAreRead() throws {
    #expect(try PrecisionBudget(parsing: "bytes") == PrecisionBudget(.bytes))
    #expect(try PrecisionBudget(parsing: "bops:1200").limit(of: 5000) == 1200)
    #expect(try PrecisionBudget(parsing: "time:37.5%").limit(of: 1000) == 375)
    #expect(try PrecisionBudget(parsing: "bytes").limit(of: 1000) == nil)
  }

  @Test(arguments: [
    "", "kib", "bytes:", "bytes:0", "bytes:-3", "bytes:101%", "bops:x%", "time:1:2",
  ])
  func whatIsNoBudgetIsAnError(_ text: String) {
    #expect(throws: SettingsError.self) { try PrecisionBudget(parsing: text) }
  }
}
