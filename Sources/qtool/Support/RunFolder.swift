import Files
import FoundationEssentials
import Glibc
import LowBit

/// The folder of a training run: its settings, its log and its last checkpoint, each a whole file at
/// any time.
///
/// `settings.toml` is what `--config` reads, `log.jsonl` has a JSON object a line, `checkpoint.npz`
/// holds arrays.
struct RunFolder {
  let path: String
  /// What a run must have in common with the one that it resumes, line by line.
  let identity: [String]
  private(set) var records: [TrainingRecord] = []

  /// The file of the log.
  var log: String { "\(path)/log.jsonl" }
  /// The file of the settings.
  var settings: String { "\(path)/settings.toml" }
  /// The file of the last checkpoint.
  var checkpoint: String { "\(path)/checkpoint.npz" }

  private static let identityName = "run/identity"
  private static let recordsName = "run/records"

  init(_ path: String, identity: [String]) {
    self.path = path
    self.identity = identity
  }

  /// Whether a checkpoint is there.
  var hasCheckpoint: Bool { access(checkpoint, F_OK) == 0 }

  /// Throws when the folder holds a run that would be lost; makes nothing.
  func check(resuming: Bool, overwrite: Bool) throws {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR {
      throw UsageError("--run \(path): is no folder")
    }
    guard !resuming, !overwrite, hasCheckpoint || access(log, F_OK) == 0 else { return }
    throw UsageError(
      "--run \(path): holds a run already; --resume goes on with it, --overwrite begins anew")
  }

  /// Makes the folder, and writes the settings; of an earlier run nothing stays.
  func begin(settings text: String) throws {
    try OutputFolder.make(path)
    for file in [checkpoint, log] where unlink(file) != 0 && errno != ENOENT {
      throw UsageError("cannot remove '\(file)': \(String(cString: strerror(errno)))")
    }
    try AtomicFile.write(text.utf8, to: settings, overwrite: true)
  }

  /// Writes the log with one more record.
  mutating func add(_ record: TrainingRecord) throws {
    records.append(record)
    try writeLog()
  }

  /// Writes a checkpoint in the place of the one before.
  func write(_ tensors: [String: Tensor]) throws {
    var tensors = tensors
    tensors[Self.identityName] = Self.tensor(identity.joined(separator: "\n"))
    tensors[Self.recordsName] = Self.tensor(try logText())
    try NumPyFile.writeArchive(tensors, to: checkpoint, overwrite: true)
  }

  /// The last checkpoint; the log is put back to what it was then.
  ///
  /// - Throws: ``UsageError`` when the run was another one: the message says in what.
  mutating func resume() throws -> [String: Tensor] {
    let tensors: [String: Tensor]
    do {
      tensors = try NumPyFile.readArchive(checkpoint)
    } catch {
      throw UsageError("the checkpoint cannot be read: \(error)")
    }
    let before = try text(Self.identityName, of: tensors).split(separator: "\n").map(String.init)
    let different = Set(before).symmetricDifference(identity)
    guard different.isEmpty else {
      func list(_ lines: [String]) -> String {
        let lines = lines.filter(different.contains)
        return lines.isEmpty ? "nothing" : lines.joined(separator: ", ")
      }
      throw UsageError(
        "\(checkpoint): is of another run; it had \(list(before)), this one has \(list(identity))")
    }
    records = try Self.records(in: text(Self.recordsName, of: tensors), of: checkpoint)
    try writeLog()
    return tensors.filter { ![Self.identityName, Self.recordsName].contains($0.key) }
  }

  /// The records of a log; `file` is what an error names.
  static func records(in text: String, of file: String) throws -> [TrainingRecord] {
    let decoder = JSONDecoder()
    // What JSON has no numbers for, as the log is written.
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try text.split(separator: "\n").enumerated().map { number, line in
      do {
        let record = try decoder.decode(TrainingRecord.self, from: Data(line.utf8))
        guard record.step >= 0, record.step <= record.steps else {
          throw UsageError("step \(record.step) of \(record.steps)")
        }
        return record
      } catch {
        throw UsageError("\(file): line \(number + 1) of the log cannot be read")
      }
    }
  }

  private func text(_ name: String, of tensors: [String: Tensor]) throws -> String {
    guard let tensor = tensors[name], tensor.elementType == .uint8 else {
      throw UsageError("\(checkpoint): is no checkpoint of 'qtool train': it lacks '\(name)'")
    }
    return String(decoding: tensor.array(of: UInt8.self), as: UTF8.self)
  }

  private static func tensor(_ text: String) -> Tensor { Tensor(Array(text.utf8)) }

  private func writeLog() throws {
    try AtomicFile.write(logText().utf8, to: log, overwrite: true)
  }

  private func logText() throws -> String {
    try records.map { try jsonLine($0) + "\n" }.joined()
  }
}
