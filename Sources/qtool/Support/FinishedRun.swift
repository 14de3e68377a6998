import Files
import FoundationEssentials
import Glibc
import LowBit

/// A training run as `qtool report` reads it, from a folder that may still grow.
struct FinishedRun {
  private let path: String
  private let records: [TrainingRecord]
  private let settings: [(name: String, value: String)]
  private var notes: [String] = []

  /// Whether a path is a folder; only runs are.
  static func isRun(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Reads settings and log.
  ///
  /// - Throws: ``UsageError`` for a folder that holds no run, and for a log that is damaged.
  init(_ path: String) throws {
    self.path = path
    let folder = RunFolder(path, identity: [])
    guard let text = try Self.text(folder.settings) else {
      throw UsageError("'\(path)' holds no run of 'qtool train': it has no settings.toml")
    }
    settings = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
      guard let sign = line.firstRange(of: " = ") else { return nil }
      return (String(line[..<sign.lowerBound]), String(line[sign.upperBound...]))
    }
    records = try RunFolder.records(in: Self.text(folder.log) ?? "", of: folder.log)
  }

  /// The text of a file; `nil` where there is none.
  private static func text(_ path: String) throws -> String? {
    guard access(path, F_OK) == 0 else { return nil }
    return String(decoding: try WholeFile.read(path, limit: 1 << 28), as: UTF8.self)
  }

  /// The page.
  var page: ReportPage {
    get throws {
      var run = RunPicture(
        name: InputFiles.name(of: path), records: records, settings: settings, notes: notes,
        writtenBy: QTool.writer)
      guard run.isFinished else { return ReportPage(run, result: nil) }
      let (result, note) = result()
      if let note { run.notes.append(note) }
      return ReportPage(run, result: result)
    }
  }

  /// The model that the run wrote, if it still lies where the settings say, or why it is not shown.
  private func result() -> ((file: QuantizedFile, facts: ModelFacts)?, note: String?) {
    guard let output = settings.first(where: { $0.name == "output" })?.value.unquoted else {
      return (nil, "The settings name no output.")
    }
    if settings.contains(where: { $0.name == "bits" && $0.value.unquoted == "float" }) {
      return (nil, "Trained in float: there are no quantizers to show.")
    }
    // Named from where the command was started; a run beside its output is found from anywhere.
    let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let places = [output, parent + InputFiles.name(of: output)]
    guard let place = places.first(where: { access($0, R_OK) == 0 }) else {
      return (nil, "The model that the run wrote is not there: \(output).")
    }
    do {
      let graph = try ONNXReader.read(path: place)
      guard let stamp = graph.metadata["qtool.training"],
        stamp.contains("\(records.last?.steps ?? 0) steps"), let file = try QuantizedFile(graph)
      else { return (nil, "\(place) is not the model that this run wrote.") }
      return ((file, try ModelFacts(of: graph, path: place)), nil)
    } catch {
      return (nil, "The model cannot be read: \(error).")
    }
  }
}

extension String {
  /// A TOML string without its quotes.
  fileprivate var unquoted: String {
    hasPrefix("\"") && hasSuffix("\"") && count > 1 ? String(dropFirst().dropLast()) : self
  }
}
