import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

@testable import Training

@Suite struct CompensationTests {
  private static let quantizer = Quantizer(scale: 0.25, zeroPoint: 2, levels: 5)

  private func numbers(_ count: Int, seed: Int) -> [Float] {
    var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 99)
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) / Float(1 << 24) - 0.5
    }
  }

  /// What is uncorrelated cannot make up for anything.
  @Test func uncorrelatedInputsGiveNearestCodes() {
    let count = 9
    var gram = [Double](repeating: 0, count: count * count)
    for place in 0..<count { gram[place * count + place] = Double(place + 1) }
    let rounding = CompensatedRounding(gram: gram, count: count)
    let weights = numbers(count, seed: 1)
    let nearest = weights.map { Int8(Self.quantizer.code(of: $0) - Self.quantizer.zeroPoint) }
    #expect(rounding.codes(of: weights, Self.quantizer) == nearest)
  }

  /// Of two equal inputs the second weight takes over what the first has lost.
  @Test func equalInputsShareTheirError() {
    let rounding = CompensatedRounding(gram: [1, 1, 1, 1], count: 2)
    // 0.1 becomes 0; 0.1 + 0.1 is nearer to 0.25 than to 0.
    #expect(rounding.codes(of: [0.1, 0.1], Self.quantizer) == [0, 1])
  }

  /// Outputs of correlated inputs change less than with nearest codes.
  @Test(arguments: 1...8)
  func outputsChangeLess(_ seed: Int) {
    let (count, samples) = (18, 60)
    let noise = numbers(count * samples, seed: seed)
    // Neighbours have most in common, as pixels do.
    let inputs = (0..<samples).map { sample -> [Double] in
      var (value, row) = (0.5, [Double]())
      for place in 0..<count {
        value = 0.8 * value + 0.2 * Double(noise[sample * count + place])
        row.append(value)
      }
      return row
    }
    var gram = [Double](repeating: 0, count: count * count)
    for input in inputs {
      for row in 0..<count {
        for column in 0..<count { gram[row * count + column] += input[row] * input[column] }
      }
    }
    let weights = numbers(count, seed: seed + 100)
    func change(_ codes: [Int8]) -> Double {
      var total = 0.0
      for input in inputs {
        var difference = 0.0
        for place in 0..<count {
          difference += (0.25 * Double(codes[place]) - Double(weights[place])) * input[place]
        }
        total += difference * difference
      }
      return total
    }
    let nearest = weights.map { Int8(Self.quantizer.code(of: $0) - Self.quantizer.zeroPoint) }
    let found = CompensatedRounding(gram: gram, count: count).codes(of: weights, Self.quantizer)
    #expect(change(found) < change(nearest))
  }

  /// The products of what filters meet, against sums by hand.
  @Test func multipliesPatches() throws {
    var session = try Quarters.session(Quarters.settings(.layer), on: ReferenceBackend.shared)
    try session.begin(stage: 0, calibration: Quarters.calibration)
    let graph = try session.network.closed.replacingInitializers(session.now().tensors)
    let observer = try #require(
      try PatchObserver(session.network, session.state, layer: 0, graph: graph))
    let grams = try observer.grams(of: Quarters.calibration, on: ReferenceBackend.shared)
    let scale = try #require(session.state.plan.values["x"]?.quantizer)
    var expected = [Double](repeating: 0, count: 81)
    for inputs in Quarters.calibration {
      let pixels = try #require(inputs["x"]).array(of: Float.self)
      for sample in 0..<Quarters.batch {
        for y in 0..<8 {
          for x in 0..<8 {
            let patch = (0..<9).map { tap -> Double in
              let (row, column) = (y + tap / 3 - 1, x + tap % 3 - 1)
              guard (0..<8).contains(row), (0..<8).contains(column) else { return 0 }
              let pixel = pixels[sample * 64 + row * 8 + column]
              return Double(scale.value(of: scale.code(of: pixel)))
            }
            for first in 0..<9 {
              for second in 0..<9 { expected[first * 9 + second] += patch[first] * patch[second] }
            }
          }
        }
      }
    }
    #expect(grams.count == 1)
    for (found, expected) in zip(grams[0], expected) {
      // 6 * 64 products below 1 in float32, four times.
      #expect(abs(found - expected) <= 4 * 384 * 384 * 0x1p-24)
    }
  }

  @Test(arguments: [Schedule.layer, .filter(groups: 2), .neuron(groups: 2)])
  func trainsAndExports(_ schedule: Schedule) throws {
    let settings = Quarters.settings(schedule) { $0.compensates = true }
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    let losses = try Quarters.train(&session, steps: 60 / session.stages.count + 1)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2)
    let model = try session.quantizedModel()
    for weights in model.weights.values {
      let codes = Set(weights.codes.array(of: Int8.self))
      #expect(codes.count <= weights.quantizers[0].levels)
    }
  }

  @Test func directHasNothingToCompensate() throws {
    let settings = Quarters.settings(.direct) { $0.compensates = true }
    #expect(throws: SettingsError.self) { try settings.validate() }
  }
}
