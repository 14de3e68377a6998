import Quantization
import Testing

@testable import Reports

/// What charts show is what the numbers say.
@Suite struct ChartTests {
  @Test func axesHaveRoundNumbersInTheirPlaces() {
    let axis = Axis(-1...3, at: (100, 300))
    #expect(axis.ticks(4).map(\.label) == ["-1", "0", "1", "2", "3"])
    #expect(axis.place(0) == 150 && axis.place(3) == 300)
    let fine = Axis(0.012...0.031, at: (200, 0))
    #expect(fine.ticks(4).map(\.label) == ["0.015", "0.020", "0.025", "0.030"])
    let decades = Axis(1...10000, at: (0, 100), .logarithmic)
    #expect(decades.ticks(4).map(\.label) == ["1", "10", "100", "1000", "10\u{2074}"])
    #expect(decades.place(100) == 50)
  }

  @Test func figuresForPeople() {
    #expect(formatted(count: 1_234_567) == "1\u{2009}234\u{2009}567")
    #expect(formatted(count: -999) == "-999" && formatted(count: 1000) == "1\u{2009}000")
    #expect(formatted(share: 0) == "none" && formatted(share: 0.00001) == "less than 0.01 %")
    #expect(formatted(share: 0.123) == "12.3 %")
    #expect(formatted(decibels: .infinity) == "exact")
  }

  @Test func barsAreCutWhereTheRangeEnds() throws {
    let histogram = Histogram((1...1000).map { Float($0) / 100 })
    func classes(_ quantizer: Quantizer?) throws -> [String] {
      let drawing = try #require(
        HistogramChart(title: "t", histogram: histogram, quantizer: quantizer).drawing)
      return try WellFormed("<!DOCTYPE html>\n" + drawing.source).elements.compactMap {
        $0.attributes["class"]
      }
    }
    let narrow = try classes(Quantizer(scale: 1, zeroPoint: 0, levels: 4))
    #expect(narrow.contains("inside") && narrow.contains("outside") && narrow.contains("edge"))
    let wide = try classes(Quantizer(scale: 1, zeroPoint: 0, levels: 12))
    #expect(wide.contains("inside") && !wide.contains("outside"))
    #expect(try !classes(nil).contains("edge"))
  }

  @Test func histogramsWithoutOrWithOneValueAreDrawn() {
    #expect(HistogramChart(title: "t", histogram: Histogram()).drawing == nil)
    #expect(HistogramChart(title: "t", histogram: Histogram([.nan])).drawing == nil)
    for values in [[Float(0)], [3], [-1e30, 1e30], [.leastNonzeroMagnitude]] {
      #expect(HistogramChart(title: "t", histogram: Histogram(values)).drawing != nil)
    }
    let flat = LineChart(
      title: "t", xTitle: "x", yTitle: "y",
      series: [.init(name: "s", points: [(1, 5), (2, 5), (3, .nan)])])
    #expect(flat.drawing != nil)
    let broken = LineChart(
      title: "t", xTitle: "x", yTitle: "y",
      series: [
        .init(name: "s", points: [(1, 5), (2, .nan)]), .init(name: "t", points: [(1, 4), (2, 3)]),
      ])
    #expect(broken.drawing != nil)
  }
}
