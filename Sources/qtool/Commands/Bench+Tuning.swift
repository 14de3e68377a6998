import Files
import Glibc
import KernelBench
import LowBit
import OpenCLHost

extension Bench {
  /// `qtool bench --tune`: searches the numbers of the device's kernels, and writes them where they are
  /// read from.
  func searchParameters(_ settings: BenchmarkSettings) throws {
    guard let backend = try device.open(tuning: "none") as? OpenCLBackend else {
      throw DeviceSelectionError("bench tunes OpenCL devices, not the reference")
    }
    guard let file = try TuningFile(backend.device, path: device.tuning) else {
      throw UsageError("--tune: '--tuning none' or LOWBIT_TUNING=none leaves no file to write")
    }
    var tuner = try Tuner(backend.device, settings, from: previous(file, backend.facts))
    let parameters = tuner.parameters.filter { parameter in
      settings.filter.allSatisfy { parameter.name.contains($0) }
    }
    guard !parameters.isEmpty else {
      throw UsageError(
        "no parameter of this device holds '\(settings.filter.joined(separator: " "))'; there are "
          + tuner.parameters.map(\.name).joined(separator: ", "))
    }
    if common.dryRun {
      let names = parameters.map(\.name)
      return try common.emit(names) { names.joined(separator: "\n") }
    }
    try Self.makeFolder(of: file.path)
    var report = TuningReport(
      device: file.identity.device, platform: file.identity.platform,
      driver: file.identity.driver, file: file.path, parameters: [])
    for parameter in parameters {
      let finding = try tuner.tune(parameter)
      report.parameters.append(TuningReport.Entry(finding))
      Console.shared.detail("\(parameter.name): \(finding.chosen)")
    }
    try AtomicFile.write(file.text(tuner.tuning).utf8, to: file.path, overwrite: true)
    try common.emit(report) { report.text }
  }

  /// What was found earlier and is not searched now.
  private func previous(_ file: TuningFile, _ facts: DeviceFacts) -> Tuning {
    guard file.exists else { return Tuning() }
    do throws(TuningError) {
      return try file.read(for: facts)
    } catch {
      Console.shared.warn("\(error); it is replaced")
      return Tuning()
    }
  }

  private static func makeFolder(of path: String) throws {
    var folder = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false).dropLast() {
      folder += "\(part)/"
      guard folder != "/", access(folder, F_OK) != 0 else { continue }
      guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
        throw UsageError("\(folder): cannot make the folder: \(String(cString: strerror(errno)))")
      }
    }
  }
}

/// What was found on which device.
private struct TuningReport: Encodable {
  struct Trial: Encodable {
    var numbers: [Int]
    var seconds: Double?
    var failure: String?
  }

  struct Entry: Encodable {
    var name: String
    var fields: [String]
    var standard: [Int]
    var chosen: [Int]
    var trials: [Trial]

    init(_ finding: Tuner.Finding) {
      name = finding.parameter.name
      fields = finding.parameter.fields
      standard = finding.trials[0].numbers
      chosen = finding.chosen
      trials = finding.trials.map {
        Trial(numbers: $0.numbers, seconds: $0.seconds, failure: $0.failure)
      }
    }
  }

  var device: String
  var platform: String
  var driver: String
  /// What was written.
  var file: String
  var parameters: [Entry]

  var text: String {
    var table = TextTable(["", "", "time", "of standard", ""], rightAligned: [2, 3])
    for entry in parameters {
      for trial in entry.trials {
        let standard = entry.trials[0].seconds
        let marks =
          (trial.numbers == entry.standard ? ["standard"] : [])
          + (trial.numbers == entry.chosen ? ["chosen"] : []) + [trial.failure].compactMap { $0 }
        table.add([
          entry.name, trial.numbers.map(String.init).joined(separator: " "),
          trial.seconds.map { formatted(1000 * $0, digits: 2) + " ms" } ?? "",
          trial.seconds.flatMap { time in standard.map { formatted(100 * time / $0, digits: 0) } }
            .map { "\($0) %" } ?? "", marks.joined(separator: ", "),
        ])
      }
    }
    return "\(platform), \(device), driver \(driver)\n\n\(table.text)\n\nwritten: \(file)"
  }
}
