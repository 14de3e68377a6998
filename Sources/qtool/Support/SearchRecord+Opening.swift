import ArgumentParser
import Checksums
import LowBit

extension SearchRecord {
  /// The record that a search goes on from, or an empty one.
  ///
  /// - Parameter device: The device whose times are measured; everything else is the same on all.
  init(for command: Search, _ float: FloatModel, timedOn device: String? = nil) throws {
    guard let path = command.record else {
      self.init(identity: [])
      return
    }
    let identity =
      ["version \(QTool.configuration.version)"]
      + [try Self.identity("data", command.data.data, float, seed: command.common.seed)]
      + (try command.score.map {
        [try Self.identity("score", $0, float, seed: command.common.seed)]
      } ?? [])
      + [Self.identity(ofModel: try float.digest())]
      + (device.map { ["times on \($0)"] } ?? [])
      + (try Configuration.resolvedSettings(except: Self.free))
    if command.resume {
      try self.init(path: path, identity: identity)
    } else {
      self.init(identity: identity)
    }
  }

  /// Options that change no measurement.
  private static let free: Set = [
    "budget", "choices", "device", "device-memory", "json", "output", "overwrite", "points",
    "quiet", "record", "refine", "report", "resume", "save-config", "space", "trials", "tuner",
    "tuning",
    "verbose",
  ]

  /// What the model is.
  static func identity(ofModel digest: [UInt8]) -> String {
    "model of SHA-256 \(SHA256.hexadecimal(digest))"
  }

  /// What data are: how many samples, and the first and the last of them.
  static func identity(
    _ what: String, _ specification: String, _ float: FloatModel, seed: UInt64
  ) throws -> String {
    let data = try DataSpecification(parsing: specification).open(
      for: float.prepared.inputs.map { ModelInput($0) }, seed: seed,
      tensorReader: InputFiles.tensor)
    var hash = SHA256()
    for place in Set([0, data.count - 1]).sorted() where place >= 0 {
      let inputs = try data.sample(at: place).inputs.sorted { $0.key < $1.key }
      for (_, tensor) in inputs { tensor.withBytes { hash.update($0) } }
    }
    return "\(what) of \(data.count) samples, first and last of SHA-256 "
      + SHA256.hexadecimal(hash.finalize())
  }
}
