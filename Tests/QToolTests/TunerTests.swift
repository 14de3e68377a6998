import Files
import Glibc
import Testing

/// `qtool search --tuner`
@Suite struct TunerTests {
  let files: MixedFolder

  init() throws { files = try MixedFolder() }

  private static let space = """
    limit = [4, 24]
    range = ["minmax", "mse"]
    improve = ["none", "outputs,squant,gain,bias", "cle,gptq,bias"]
    scheme = ["affine", "symmetric", "shift"]
    """

  private func tune(
    _ method: String, _ arguments: String..., space: String? = TunerTests.space
  ) -> Outcome {
    var all = [
      "search", files.model, "--data", files.data, "--samples", "8", "--tuner", method, "--preset",
      "w4a4",
    ]
    if let space { all += ["--space", files.folder.write(space, "space.toml")] }
    return files.onReference(all + arguments)
  }

  /// The text of a key of JSON that has no quotation marks and no line ends in it.
  private func text(_ key: String, in json: String) throws -> String {
    let start = try #require(json.firstRange(of: "\"\(key)\" : \"")).upperBound
    return String(json[start...].prefix { $0 != "\"" })
  }

  private func count(_ text: String, in whole: String) -> Int {
    whole.ranges(of: text).count
  }

  @Test(arguments: ["boosted", "random", "exhaustive"])
  func theCommandThatIsPrintedWritesTheSameFile(method: String) throws {
    let output = "\(files.folder.path)/best.onnx"
    let outcome = tune(
      method, "--trials", "14", "-o", output, "--json", "--report",
      "\(files.folder.path)/search.html", "--score",
      "\(files.data)?offset=2&limit=20", "--skip", "left")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let command = try text("command", in: outcome.output)
    #expect(command.hasPrefix("qtool quantize ") && command.contains("--skip=left"))
    let page = String(decoding: files.folder.bytes("search.html"), as: UTF8.self)
    #expect(page.contains("What mattered") && page.contains("<svg") && page.contains("--skip=left"))
    let written = files.folder.bytes("best.onnx")
    #expect(!written.isEmpty)
    let program = Command.path.dropLast("/qtool".count)
    let status = system(
      "cd '\(files.folder.path)' && PATH='\(program)':$PATH LOWBIT_DEVICE=reference "
        + "\(command) --overwrite > quantized.txt 2>&1")
    #expect(status == 0, "\(TemporaryFolder.text(of: "\(files.folder.path)/quantized.txt"))")
    #expect(files.folder.bytes("best.onnx") == written)
  }

  /// Every configuration is measured once, the best is the best of them, and methods are compared on the
  /// measurements.
  @Test func exhaustiveMeasuresAll() throws {
    let outcome = tune("exhaustive", "--json", "--score", files.data)
    #expect(outcome.status == 0, "\(outcome.errors)")
    // Of 36 combinations those of the gain with powers of two contradict themselves.
    #expect(outcome.output.contains("\"configurations\" : 32"))
    #expect(outcome.output.contains("\"impossible\" : 4"))
    #expect(count("\"number\" : ", in: outcome.output) == 33)
    #expect(outcome.output.contains("\"method\" : \"boosted\""))
    let text = tune("exhaustive", "--score", files.data)
    let rows = text.output.split(separator: "\n").dropFirst().prefix(20)
    let scores = rows.compactMap { row in
      Double(row.split(separator: " ").dropFirst().first ?? "")
    }
    #expect(scores.count == 20 && scores == scores.sorted(by: >), "\(text.output)")
  }

  /// An interrupted search goes on from its record to the same result and the same record.
  @Test func goesOnFromARecord() throws {
    let record = "\(files.folder.path)/record.json"
    let first = tune("boosted", "--trials", "16", "--record", record, "--json")
    #expect(first.status == 0, "\(first.errors)")
    let kept = files.folder.bytes("record.json")
    let cut = tune("boosted", "--trials", "11", "--record", record, "--overwrite", "--json")
    #expect(cut.status == 0 && files.folder.bytes("record.json").count < kept.count)
    let resumed = tune(
      "boosted", "--trials", "16", "--record", record, "--resume", "--overwrite", "--json")
    #expect(resumed.output == first.output, "\(resumed.errors)")
    #expect(files.folder.bytes("record.json") == kept)

    // Other methods take what is there; nothing of it is measured again.
    let text = String(decoding: kept, as: UTF8.self)
    let entry = try #require(text.firstRange(of: "\"sqnr\" : "))
    let end = try #require(text[entry.upperBound...].firstIndex { $0 == "\n" || $0 == "," })
    try AtomicFile.write(
      (text[..<entry.upperBound] + "12.345" + text[end...]).utf8, to: record, overwrite: true)
    let other = tune("exhaustive", "--record", record, "--resume", "--overwrite", "--json")
    #expect(other.status == 0 && other.output.contains("12.345"), "\(other.errors)")

    let foreign = tune(
      "boosted", "--record", record, "--resume", "--overwrite", "--layer", "head:w8a8")
    #expect(foreign.status == 2 && foreign.errors.contains("record of another search"))
  }

  /// What is given is not varied, and with 256 levels everywhere borders are no axis.
  @Test func theDefaultSpaceLeavesOutWhatIsGiven() {
    let all = tune("random", "--dry-run", space: nil)
    #expect(all.output.contains("limit: 1 | 6 | 24") && all.output.contains("first-last: "))
    let some = tune("random", "--dry-run", "--range", "mse", "--preset", "w8a8", space: nil)
    #expect(!some.output.contains("range:") && !some.output.contains("first-last:"))
    #expect(some.output.contains("granularity: tensor | channel"), "\(some.output)")
    // With powers of two there is no gain.
    let shift = tune("random", "--dry-run", "--scheme", "shift", space: nil)
    #expect(shift.status == 0 && !shift.output.contains("gain"), "\(shift.errors)")
  }

  @Test(arguments: [
    ("range = [\"mse\", \"best\"]", "range = 'best': "),
    ("rang = [\"mse\"]", "did you mean 'range'?"),
    ("range = \"mse\"", "expected the values that it can have, in brackets"),
    ("range = [\"mse\", \"mse\"]", "has no value, or one twice"),
    ("layer = [[\"a:w4\", \"b:w8\"], \"a:w4 b:w8\"]", "has no value, or one twice"),
    ("limit = [25]", "the data hold 1 to 24 samples"),
    ("improve = [\"gain\"]\nscheme = [\"shift\"]", "needs any scale"),
    ("preset = [\"w8a8\", \"w4a4\"]", "--preset is given"),
    ("", "nothing is varied"),
    ("range = [", "space.toml: line "),
    (
      "weight-levels = [\((2...256).map(String.init).joined(separator: ","))]\n"
        + "activation-levels = [\((2...256).map(String.init).joined(separator: ","))]",
      "more than 10000 combinations"
    ),
  ])
  func spacesThatAreNone(_ space: String, _ message: String) {
    let outcome = tune("boosted", space: space)
    #expect(outcome.status == 2 && outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test(arguments: [
    (["--tuner", "random", "--budget", "bytes"], "either --budget or --tuner"),
    ([], "either --budget or --tuner"),
    (["--budget", "bytes", "--trials", "3"], "they are for --tuner"),
    (["--tuner", "random", "--choices", "w8a8,w4a8"], "they are for --budget"),
    (["--tuner", "random", "--trials", "0"], "at least 1"),
  ])
  func optionsThatDoNotGoTogether(_ arguments: [String], _ message: String) {
    let outcome = files.onReference(["search", files.model, "--data", files.data] + arguments)
    #expect(outcome.status == 2 && outcome.errors.contains(message), "\(outcome.errors)")
  }
}
