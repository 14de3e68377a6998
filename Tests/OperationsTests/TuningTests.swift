import Files
import OperationCases
import Operations
import Quantization
import Tensors
import TestFolders
import Testing

@testable import OpenCLBackend

@Suite struct PlainJSONTests {
  private func value(_ text: String) -> PlainJSON? { PlainJSON(Array(text.utf8)) }

  @Test func documentsAreReadAndWritten() {
    let text = #"{"a": [1, -20], "b": {"\"\\\u000a": "é"}, "c": []}"#
    let expected = PlainJSON.object([
      "a": .list([.number(1), .number(-20)]), "b": .object(["\"\\\n": .string("é")]),
      "c": .list([]),
    ])
    #expect(value(text) == expected && expected.description == text)
    #expect(value(" \r\n{ \n\r}\t") == .object([:]))
    #expect(expected == value(expected.description))
  }

  @Test(arguments: [
    "", "{", "{}}", "{\"a\" 1}", "{\"a\": 1,}", "[1 2]", "[1,]", "\"a", "\"\\x\"", "\"\\u00g0\"",
    "\"\\ud800\"", "1.5", "1e3", "--1", "true", "{\"a\": 1, \"a\": 1}", "\"\n\"",
    String(repeating: "[", count: 100_000), "99999999999999999999",
  ])
  func otherTextsAreNone(text: String) { #expect(value(text) == nil) }

  @Test func bytesThatAreNoTextAreNone() { #expect(PlainJSON([0x22, 0xff, 0x22]) == nil) }
}

@Suite(.needsDevice) struct TuningTests {
  let folder = makeTestFolder("lowbit-tuning")

  private func file(_ text: String, _ backend: OpenCLBackend) throws -> TuningFile {
    let path = "\(folder)/tuning.json"
    try AtomicFile.write(text.utf8, to: path, overwrite: true)
    return TuningFile(path: path, try TuningFile.Identity(backend.device))
  }

  /// Every candidate of every parameter the device's kernels look at.
  private func tunings(_ facts: DeviceFacts) -> [Tuning] {
    TunableParameter.all.flatMap { parameter in
      parameter.candidates(on: facts).map { numbers in
        var tuning = Tuning()
        tuning[parameter] = numbers
        return tuning
      }
    }
  }

  @Test(arguments: backends) func findingsComeBack(_ backend: OpenCLBackend) throws {
    var all = Tuning()
    for tuning in tunings(backend.facts) {
      let written = try file("", backend).text(tuning)
      #expect(try file(written, backend).read(for: backend.facts) == tuning)
      for finding in tuning.findings {
        all[try #require(TunableParameter.named(finding.name))] = finding.numbers
      }
    }
    let written = try file("", backend).text(all)
    #expect(try file(written, backend).read(for: backend.facts) == all)
    #expect(!all.isEmpty && all.findings.count == TunableParameter.all.count)
  }

  @Test(arguments: backends) func filesThatDoNotFitSayWhy(_ backend: OpenCLBackend) throws {
    var tuning = Tuning()
    tuning[.histogramGroups] = [2]
    let text = try file("", backend).text(tuning)
    func replacing(_ a: String, _ b: String) -> String {
      let parts = text.split(separator: a, maxSplits: 1, omittingEmptySubsequences: false)
      return parts.joined(separator: b)
    }
    for (damaged, reason) in [
      ("", "is no JSON object"), (String(text.dropLast(4)), "is no JSON object"),
      (replacing("tuning 1", "tuning 2"), "is not of the format 'lowbit tuning 1'"),
      (
        replacing(PlainJSON.string(backend.name).description, "\"Abacus\""),
        "is of another device: \"Abacus\", not"
      ),
      (replacing("\"driver\": ", "\"drivers\": "), "is of another driver: none, not"),
      (replacing("histogram.groups", "histogram.heaps"), "'histogram.heaps', which is not known"),
      (replacing("[2]", "[3]"), "has [3] for 'histogram.groups', which this device does not take"),
      (replacing("[2]", "2"), "has 2 for 'histogram.groups'"),
      (replacing("\"parameters\"", "\"others\""), "has no parameters"),
    ] {
      let damagedFile = try file(damaged, backend)
      let error = try #require(throws: TuningError.self) {
        _ = try damagedFile.read(for: backend.facts)
      }
      #expect(error.description.hasPrefix("\(damagedFile.path): "))
      #expect(error.description.contains(reason), "\(error)")
    }
    let missing = TuningFile(path: "\(folder)/none", try TuningFile.Identity(backend.device))
    #expect(!missing.exists)
    #expect(throws: TuningError.self) { _ = try missing.read(for: backend.facts) }
  }

  /// Whatever the numbers, results are the reference's.
  @Test(arguments: backends) func resultsDoNotDependOnThem(_ backend: OpenCLBackend) throws {
    let example = ConvolutionCase(
      "", x: [2, 20, 9, 13], filters: 37, kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1])
    let expected = ReferenceBackend.shared.convolve(
      example.x, weights: example.weights, bias: example.bias, example.convolution)
    var samples = SampleValues(seed: 4)
    let values = samples.floats([3, 300])
    let histogram = ReferenceBackend.shared.histogram(values, layout: .growing())
    let fits = ReferenceBackend.shared.searchQuantizers(
      rows: values, levels: 16, scheme: .symmetric)
    let packed = PackedConvolutionCase(
      "", x: [1, 40, 9, 11], filters: 70, kernel: [3, 3], pads: [1, 1, 1, 1])
    let codes = try packed.result(on: ReferenceBackend.shared)
    for tuning in tunings(backend.facts) {
      let tuned = try OpenCLBackend(backend.device, tuning: tuning)
      #expect(try packed.result(on: tuned) == codes, "\(tuning.findings)")
      let result = try tuned.convolve(
        tuned.upload(example.x), weights: tuned.upload(example.weights),
        bias: example.bias.map(tuned.upload), example.convolution)
      #expect(try tuned.download(result) == expected, "\(tuning.findings)")
      let value = try tuned.upload(values)
      #expect(try tuned.histogram(value, layout: .growing()) == histogram, "\(tuning.findings)")
      #expect(
        try tuned.searchQuantizers(rows: value, levels: 16, scheme: .symmetric) == fits,
        "\(tuning.findings)")
    }
  }
}
