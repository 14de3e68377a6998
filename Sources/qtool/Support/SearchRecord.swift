import Files
import FoundationEssentials
import LowBit

/// What a search has measured, in a file that it can go on from.
struct SearchRecord: Codable {
  /// A sensitivity, or a model measured whole.
  struct Entry: Codable {
    var divergence: Double?
    var sqnr: Double
    var bytes: Int
    var nanoseconds: Int?
    var score: MeasuredPrecision.Score?
  }

  /// What was measured on what and how: measurements of another search are not taken.
  let identity: [String]
  /// By layer and precision.
  private(set) var layers: [String: Entry] = [:]
  /// By the precisions of all layers, or a configuration's name.
  private(set) var models: [String: Entry] = [:]

  init(identity: [String]) { self.identity = identity }

  /// Reads a record.
  ///
  /// - Throws: `UsageError` for a file that is none.
  init(path: String) throws {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let bytes = try WholeFile.read(path, limit: 1 << 28)
    guard let record = try? decoder.decode(Self.self, from: Data(bytes)) else {
      throw UsageError("\(path): is no record of a search")
    }
    self = record
  }

  /// Reads the record of the search of this identity.
  ///
  /// - Throws: `UsageError` for a file that is none, or is of another search.
  init(path: String, identity: [String]) throws {
    let record = try Self(path: path)
    guard record.identity == identity else {
      let first = zip(record.identity, identity).first { $0 != $1 }
      throw UsageError(
        "\(path): is the record of another search: "
          + (first.map { "it has '\($0)', this search '\($1)'" } ?? "of another version"))
    }
    self = record
  }

  func layer(_ label: String, _ precision: LayerPrecision) -> Entry? {
    layers["\(label) \(precision)"]
  }

  mutating func setLayer(_ label: String, _ precision: LayerPrecision, _ entry: Entry) {
    layers["\(label) \(precision)"] = entry
  }

  func model(_ options: [Int], _ space: PrecisionSpace) -> Entry? {
    models[Self.key(options, space)]
  }

  mutating func setModel(_ options: [Int], _ space: PrecisionSpace, _ entry: Entry) {
    models[Self.key(options, space)] = entry
  }

  private static func key(_ options: [Int], _ space: PrecisionSpace) -> String {
    options.map { space.choices[$0].description }.joined(separator: " ")
  }

  /// What is known of the configuration of this name.
  func configuration(_ name: String) -> Entry? { models[name] }

  mutating func setConfiguration(_ name: String, _ entry: Entry) { models[name] = entry }

  /// Writes the record in place of the one before.
  func write(to path: String) throws {
    try AtomicFile.write(json(self).utf8, to: path, overwrite: true)
  }
}
