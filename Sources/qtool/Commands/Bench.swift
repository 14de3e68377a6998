import ArgumentParser
import Files
import FoundationEssentials
import KernelBench
import LowBit
import OpenCLHost

/// `qtool bench`
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time kernels on a device beside what the device can do at most.",
    discussion: examples(
      "qtool bench", "qtool bench histogram --json", "qtool bench search channel --bits 4 --excess",
      "qtool bench conv --batch 32", "qtool bench packed --shapes resnet-50 --widths w4a8",
      "qtool bench --peer earlier.json", "qtool bench --tune", "qtool bench --tune convolution"))

  @Argument(
    help: ArgumentHelp(
      "Words that an entry's name must hold, such as histogram, search, tensor, conv or packed.",
      valueName: "filter"))
  var filter: [String] = []

  @Option(
    help: ArgumentHelp(
      "Results of this command on another day, or of another program in the same form: a list, or "
        + "an object with results, of entries with name and rate.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var peer: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Hold searches for scales against the exact optimum: seconds, at 8 bits a minute.")
  var excess = false

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Search the numbers that the device's kernels are fastest with and write them to the file that "
        + "--tuning names; FILTER chooses parameters."))
  var tune = false

  @Option(
    help: ArgumentHelp(
      "Instructions for convolutions of packed codes in place of those that the device is found to have, "
        + "such as vnni, AVX2 or plain; only what it can run.", valueName: "instructions"))
  var tier: String?

  @OptionGroup var sizes: BenchOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    var settings = try sizes.settings()
    settings.filter = filter
    settings.measuresExcess = excess
    if tune { return try searchParameters(settings) }
    let names = KernelBenchmarks.names(settings)
    guard !names.isEmpty else {
      throw UsageError("no entry's name holds '\(filter.joined(separator: " "))'")
    }
    if common.dryRun { return try common.emit(names) { names.joined(separator: "\n") } }
    let peers = try peer.map { try PeerResults(path: $0) }
    guard var backend = try device.open() as? OpenCLBackend else {
      throw DeviceSelectionError("bench times OpenCL devices, not the reference")
    }
    if let tier { backend = try Self.backend(like: backend, tier) }
    var report = BenchReport(
      device: backend.name, platform: backend.facts.platform,
      driver: try backend.device[.driverVersion], computeUnits: backend.facts.computeUnits,
      results: [])
    for result in try KernelBenchmarks.run(
      settings, on: backend, report: { Console.shared.detail("\($0.name): \($0.rate) \($0.unit)") })
    {
      report.results.append(.init(result: result, peerRate: peers?.rates[result.name]))
    }
    if let path = peer, report.results.allSatisfy({ $0.peerRate == nil }) {
      Console.shared.warn("\(path): no entry has the name of one of ours")
    }
    try common.emit(report) { report.text }
  }

  /// A backend on the same device whose convolutions are made of the instructions named.
  private static func backend(like backend: OpenCLBackend, _ name: String) throws -> OpenCLBackend {
    let possible = backend.possibleIntegerTiers
    guard let kind = possible.first(where: { $0.rawValue.lowercased() == name.lowercased() }) else {
      throw UsageError(
        "--tier: \(backend.name) can run \(possible.map(\.rawValue).joined(separator: ", ")), not '\(name)'"
      )
    }
    return try OpenCLBackend(backend.device, integerTier: kind, tuning: backend.facts.tuning)
  }
}

/// What was measured on which device.
private struct BenchReport: Encodable {
  struct Entry: Encodable {
    var result: BenchmarkResult
    var peerRate: Double?

    private enum CodingKeys: String, CodingKey {
      case peerRate = "peer_rate"
      case ratioToPeer = "ratio_to_peer"
    }

    var ratioToPeer: Double? { peerRate.map { result.rate / $0 } }

    func encode(to encoder: any Encoder) throws {
      try result.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(peerRate, forKey: .peerRate)
      try container.encodeIfPresent(ratioToPeer, forKey: .ratioToPeer)
    }
  }

  var device: String
  var platform: String
  var driver: String
  var computeUnits: Int
  var results: [Entry]

  var text: String {
    let hasExcess = results.contains { $0.result.excess != nil }
    let hasPeer = results.contains { $0.peerRate != nil }
    let hasBandwidth = results.contains { $0.result.bandwidth != nil }
    var header = ["", "median", "spread", "rate", "", "of ceiling"]
    if hasBandwidth { header += ["GB/s", "of memory"] }
    if hasExcess { header += ["mean excess", "worst"] }
    if hasPeer { header.append("times peer") }
    var table = TextTable(header, rightAligned: [1, 2, 3, 5, 6, 7, 8, 9, 10])
    for entry in results {
      let result = entry.result
      func percent(_ share: Double?, digits: Int) -> String {
        share.map { formatted(100 * $0, digits: digits) + " %" } ?? ""
      }
      var row = [
        result.name, formatted(1000 * result.median, digits: 2) + " ms",
        percent(result.spread, digits: 0), formatted(result.rate, digits: 2),
        result.unit + (result.isOnReference ? " (reference)" : ""),
        percent(result.ratioToCeiling, digits: 0),
      ]
      if hasBandwidth {
        row += [
          result.throughput.map { formatted($0, digits: 2) } ?? "",
          percent(result.bandwidthRatio, digits: 0),
        ]
      }
      if hasExcess {
        row += [
          percent(result.excess?.mean, digits: 4), percent(result.excess?.worst, digits: 2),
        ]
      }
      if hasPeer { row.append(entry.ratioToPeer.map { formatted($0, digits: 2) } ?? "") }
      table.add(row)
    }
    return "\(platform), \(device), driver \(driver)\n\n\(table.text)"
  }
}

/// Rates by the names of their entries.
private struct PeerResults {
  var rates: [String: Double] = [:]

  private struct Entry: Decodable {
    var name: String
    var rate: Double
  }

  init(path: String) throws {
    struct Document: Decodable { var results: [Entry] }
    let data = Data(try WholeFile.read(path, limit: 1 << 26))
    let decoder = JSONDecoder()
    do {
      let entries =
        try (try? decoder.decode([Entry].self, from: data))
        ?? decoder.decode(Document.self, from: data).results
      for entry in entries { rates[entry.name] = entry.rate }
    } catch {
      throw UsageError(
        "\(path): not a list of entries with name and rate, nor an object with results")
    }
  }
}
