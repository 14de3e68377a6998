import ConfigurationSearch
import MixedPrecision
import Quantization
import Testing

@testable import PostTraining
@testable import Reports
@testable import Training

/// Pages of all kinds: well-formed, alone, complete, and safe against what names may hold.
@Suite struct PageTests {
  static let hostile = "<script>alert('x')</script>\" onload=\"go()\u{7}&lt;\u{202e}"

  static let histogram = Histogram(
    (0..<4000).map { Float(($0 * 37) % 1000) / 100 - 3 } + [Float](repeating: 0, count: 500)
      + [40, .nan])

  static func report(names: [String]) -> QuantizationReport {
    let quantizer = Quantizer(scale: 0.05, zeroPoint: 60, levels: 256)
    return QuantizationReport(
      settings: "weight-levels=16 <>", target: "ort-cpu", sampleCount: 8,
      layers: names.map { name in
        QuantizationReport.Layer(
          name: name, operatorType: "Conv", execution: "QLinearConv", weightLevels: 16,
          weightBits: 4, granularity: "channel", weightRange: "mse", weightScales: [0.01, 0.02],
          weightSQNR: 21.5, activationLevels: 256, activationScale: 0.05, activationZeroPoint: 60,
          accumulatorBits: 19, fits32Bits: true)
      },
      activations: names.map {
        .init(
          name: $0, quantizer, sharedWith: nil, method: "mse", minimum: -3, maximum: 40,
          histogram: histogram)
      }, fused: [.init(name: names[0], operatorType: "Relu", quantizerOf: names[0])],
      floatNodes: [.init(name: names[0], operatorType: "Softmax", reason: "no <integer> form")],
      notes: ["a note"], warnings: ["only & few"], constantBytes: .init(before: 100, after: 50),
      calibration: .init(
        data: ["images?limit=8"], samples: 8, statistics: "ab12", model: "cd34"))
  }

  static func page(names: [String], title: String = "m.onnx") -> ReportPage {
    let ranges = names.map {
      ObservedRange(
        values: [$0, "other \($0)"], quantizer: Quantizer(scale: 0.05, zeroPoint: 60, levels: 256),
        method: "mse", histogram: histogram)
    }
    return ReportPage(
      report(names: names), ranges: ranges,
      codes: names.map { WeightCodes(layer: $0, codes: [-8, 0, 0, 3, 7], range: -8...7) },
      facts: ModelFacts(
        name: title, fileBytes: (4000, 1000), parameters: 12345, opset: 21, writtenBy: "a test"))
  }

  @Test func quantizationNamesEverythingAndStandsAlone() throws {
    let text = Self.page(names: ["stem", "head"]).text
    let page = try WellFormed(text)
    #expect(page.faults.isEmpty, "\(page.faults)")
    let all = page.texts("body")[0]
    for words in [
      "stem", "head", "16 in 4 bits", "21.5 dB", "19 of 32", "0.01 to 0.02", "images?limit=8",
      "ab12",
      "cd34", "only & few", "no <integer> form", "3.9 KiB in float, 4.00 times as much",
      "weight-levels 16, <>",
      "1 NaN", "integers, as QLinearConv",
    ] {
      #expect(all.contains(words), "\(words)")
    }
    // A histogram and an error curve for each quantizer, codes for each layer.
    let labels = page.elements.compactMap { $0.attributes["aria-label"] }
    for name in ["stem", "head"] {
      for chart in ["Histogram of", "Error over the scale of", "Codes of"] {
        #expect(labels.contains { $0.hasPrefix("\(chart) \(name).") }, "\(chart) \(name)")
      }
    }
    #expect(page.elements.contains { $0.attributes["class"] == "outside" })
    #expect(page.elements.contains { $0.attributes["class"] == "chosen" })
    #expect(text == Self.page(names: ["stem", "head"]).text)
  }

  /// What was measured has its place; what was not has none.
  @Test func measurementsAreShownAsFarAsThereAreAny() throws {
    func page(_ measurements: ModelMeasurements) throws -> WellFormed {
      let page = try WellFormed(
        ReportPage(
          Self.report(names: ["stem", Self.hostile]), ranges: [], codes: [],
          facts: ModelFacts(
            name: "m.onnx", fileBytes: (4000, 1000), parameters: 12345, opset: 21,
            writtenBy: "a test"), measurements: measurements
        ).text)
      #expect(page.faults.isEmpty, "\(page.faults)")
      return page
    }
    let nothing = try page(ModelMeasurements()).texts("body")[0]
    #expect(!nothing.contains("Sensitivities") && !nothing.contains("by size"))
    var found = ModelMeasurements()
    found.score = (
      .init(name: "top-1", unit: "%", value: 56.72), .init(name: "top-1", unit: "%", value: 44.03)
    )
    found.scoreData = Self.hostile
    found.layers = ["stem", Self.hostile].map {
      .init(
        name: $0, precision: LayerPrecision(weightLevels: 16, activationLevels: 23),
        divergence: .init(divergence: 0.125, sqnr: 20))
    }
    found.whole = .init(divergence: 0.75, sqnr: .infinity)
    found.others = [
      .init(bytes: 100, sqnr: 10, score: .init(name: "top-1", unit: "%", value: 40)),
      .init(bytes: 200, sqnr: .infinity, score: .init(name: "top-1", unit: "%", value: 39)),
      .init(bytes: 300, sqnr: 30, score: .init(name: "top-1", unit: "%", value: 50)),
    ]
    found.own = .init(bytes: 400, sqnr: nil, score: .init(name: "top-1", unit: "%", value: 44.03))
    let full = try page(found)
    let all = full.texts("body")[0]
    for words in [
      "44.03 %", "56.72 % in float", "16x23", "0.125", "add up to 0.25", "top-1 by size",
    ] {
      #expect(all.contains(words), "\(words)")
    }
    // The front is joined: of three models one is worse than a smaller one.
    let labels = full.elements.compactMap { $0.attributes["aria-label"] }
    #expect(
      labels.contains {
        $0.contains("best: 40 at 100, 50 at 300; measured: 40 at 100, 50 at 300; this model: 44.03")
      }, "\(labels)")
    #expect(full.elements.count { $0.attributes["class"] == "chosen" } == 1)
  }

  @Test func tunersShowTheBestAndWhatMattered() throws {
    let trials = (1...5).map { number in
      TunerPicture.Trial(
        number: number, values: [Self.hostile, number == 3 ? "channel" : "tensor"],
        prediction: number > 3 ? 41 : nil, worth: number == 3 ? 50 : 40,
        score: .init(name: "top-1", unit: "%", value: number == 3 ? 50 : 40),
        divergence: .init(divergence: 0.1, sqnr: 20), bytes: 2048)
    }
    let picture = TunerPicture(
      model: Self.hostile, data: "images", method: .boosted,
      axes: [
        .init("range", [Self.hostile, "mse"]), .init("granularity", ["tensor", "channel"]),
      ], configurations: 8, trials: trials, ranking: [trials[2]] + trials.filter { $0.number != 3 },
      floatScore: .init(name: "top-1", unit: "%", value: 60), command: "qtool '\(Self.hostile)'",
      writtenBy: "a test")
    let page = try WellFormed(ReportPage(picture).text)
    #expect(page.faults.isEmpty, "\(page.faults)")
    let all = page.texts("body")[0]
    for words in ["5 of 8 ways", "trial 3", "60.00 % in float", "42.00 %", "41.00"] {
      #expect(all.contains(words), "\(words)")
    }
    let labels = page.elements.compactMap { $0.attributes["aria-label"] }
    #expect(labels.contains { $0.contains("best so far: 40 at 1, 50 at 5; trial: 40 at 1") })
  }

  /// Models for accumulators of a width have a table of estimates, others do not.
  @Test func estimatesOfAccumulatorsHaveATable() throws {
    let names = ["stem", "head"]
    var report = Self.report(names: names)
    func texts() throws -> [String] {
      let text = ReportPage(
        report, ranges: [], codes: [],
        facts: ModelFacts(
          name: "m.onnx", fileBytes: (4000, 1000), parameters: 12345, opset: 21,
          writtenBy: "a test")
      ).text
      let page = try WellFormed(text)
      #expect(page.faults.isEmpty, "\(page.faults)")
      return page.texts("td") + page.texts("th")
    }
    #expect(try !texts().contains("M1"))
    report.accumulatorBits = 16
    report.layers[1].outputExponent = 3
    report.layers[1].determination = ShiftDetermination(
      statistics: LayerStatistics(
        channels: [[0.5, -0.25], [1, 0.125]], biases: [1, -2], largestActivation: 4,
        largestOutput: 7), guaranteed: 6.5, approximate: 5.75, observed: nil, inputExponent: 5,
      weightExponents: [7, 8], finalWeightExponents: [6, 8], raisedScales: 1, lowerings: 11,
      neededBits: 15)
    let found = try texts()
    for text in ["M1", "M2", "M3", "6.5", "5.75", "6 to 8", "11", "15 of 16"] {
      #expect(found.contains { $0.contains(text) }, "\(text): \(found)")
    }
  }

  @Test func hostileNamesStayText() throws {
    let text = Self.page(names: [Self.hostile], title: Self.hostile).text
    let page = try WellFormed(text)
    #expect(page.faults.isEmpty, "\(page.faults)")
    #expect(!text.contains("<script") && !text.contains("onload=\""))
    #expect(!text.unicodeScalars.contains("\u{202e}") && !text.unicodeScalars.contains("\u{7}"))
    let shown = "<script>alert('x')</script>\" onload=\"go()\u{fffd}&lt;\u{fffd}"
    #expect(page.texts("h1") == [shown])
    #expect(page.texts("code").contains(shown) && page.texts("h3").contains(shown))
  }

  static func record(_ epoch: Int, stage: Int, of steps: Int) -> TrainingRecord {
    TrainingRecord(
      stage: stage, stageName: "<conv\(stage)>", epoch: epoch, step: epoch * 10, steps: steps,
      loss: 2 / Double(epoch), accuracy: Double(50 + epoch), rate: 0.1 / Float(epoch),
      imagesPerSecond: 123, validationTop1: epoch == 2 ? nil : Double(60 + epoch),
      validationPSNR: nil, validationSQNR: nil)
  }

  @Test(arguments: [(0, 40), (1, 40), (3, 40), (4, 40)])
  func runsSayHowFarTheyCame(epochs: Int, steps: Int) throws {
    let records =
      epochs == 0
      ? []
      : (1...epochs).map {
        Self.record($0, stage: $0 > 2 ? 2 : 1, of: steps)
      }
    let run = RunPicture(
      name: "runs/1", records: records, settings: [("weight-bits", "4"), ("data", Self.hostile)],
      writtenBy: "a test")
    let page = try WellFormed(ReportPage(run, result: nil).text)
    #expect(page.faults.isEmpty, "\(page.faults)")
    let all = page.texts("body")[0]
    #expect(all.contains("the run is not finished") == (epochs < 4))
    #expect(all.contains("weight-bits") && run.isFinished == (epochs == 4))
    let labels = page.elements.compactMap { $0.attributes["aria-label"] }
    for title in ["Loss.", "Accuracy.", "Learning rate."] {
      #expect(labels.contains { $0.hasPrefix(title) } == (epochs > 1))
    }
    #expect(page.elements.count { $0.attributes["class"] == "stage" } == (epochs > 2 ? 6 : 0))
    if epochs > 2 { #expect(all.contains("<conv2>")) }
  }

  @Test func comparisonsAreWorstFirst() throws {
    let values: [ComparedPair] = [
      .init(name: "codes", count: 5, sqnr: nil, maximumDifference: 3),
      .init(name: "b", count: 10, sqnr: 12.5, maximumDifference: nil),
      .init(name: "a", count: 2000, sqnr: 30, maximumDifference: nil),
      .init(name: "c", count: 10, sqnr: .infinity, maximumDifference: nil),
      .init(name: "d", count: 10, sqnr: -.infinity, maximumDifference: nil),
      .init(name: "e", count: 10, sqnr: .nan, maximumDifference: nil),
    ]
    let text = ReportPage(
      comparing: values, order: ["a", "b", "c", "codes", "d", "e"], first: "f", second: "s",
      samples: 7,
      writtenBy: "a test"
    ).text
    let page = try WellFormed(text)
    #expect(page.faults.isEmpty)
    let heads = page.elements.filter { $0.name == "th" && $0.attributes["scope"] == "row" }
    #expect(heads.map(\.text) == ["codes", "b", "a", "c", "d", "e"])
    #expect(page.texts("td").count { $0 == "equal" } == 1)
    for words in ["12.50 dB", "-inf dB", "nan dB", "2\u{2009}000", "on 7 samples"] {
      #expect(page.texts("body")[0].contains(words))
    }
  }
}
