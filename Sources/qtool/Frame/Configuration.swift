import ArgumentParser
import Files
import Synchronization
import TOMLKit

/// Settings from a TOML file: every long option by its name. The command line wins over the file,
/// the file over a method that is named, and this over the defaults.
///
///     weight-bits = 4              # for the command that is run
///     skip = ["op:Gemm", "stem*"]
///     [evaluate]                   # for one command only; other commands' tables are passed over
///     device = "reference"
enum Configuration {
  /// The arguments after the file's settings were added; what the command was started with.
  private static let effective = Mutex<[String]>([])

  /// `arguments` with the settings of the file that `--config` names, where they name one.
  static func expand(_ arguments: [String]) throws -> [String] {
    var expanded = arguments
    if let path = GivenArguments.value(of: "config", in: arguments) {
      let root = try CommandSchema.root()
      let (schema, _) = root.command(namedBy: arguments)
      let settings = schema.settings
      let given = GivenArguments(arguments, settings: settings).values
      var additions: [String] = []
      for (setting, values) in try read(path, for: schema, root: root)
      where given[setting.name] == nil {
        additions += self.arguments(for: setting, values)
      }
      let end = arguments.firstIndex(of: "--") ?? arguments.count
      expanded.insert(contentsOf: additions, at: end)
    }
    expanded = try expandMethod(expanded)
    effective.withLock { $0 = expanded }
    return expanded
  }

  /// `arguments` with the options that a named method stands for, where they are not given.
  private static func expandMethod(_ arguments: [String]) throws -> [String] {
    let (schema, _) = try CommandSchema.root().command(namedBy: arguments)
    let settings = schema.settings
    let given = GivenArguments(arguments, settings: settings).values
    let named = TrainingMethod.settings(of: schema.commandName, given: given)
    guard !named.isEmpty else { return arguments }
    let additions = named.filter { given[$0.option] == nil }.flatMap { option, value in
      settings.filter { $0.name == option }.flatMap { self.arguments(for: $0, [value]) }
    }
    var expanded = arguments
    expanded.insert(contentsOf: additions, at: arguments.firstIndex(of: "--") ?? arguments.count)
    return expanded
  }

  /// The settings of this run that have one of these names, a line of TOML each.
  static func resolvedSettings(_ names: Set<String>) throws -> [String] {
    try resolvedSettings().split(separator: "\n").map(String.init).filter { line in
      names.contains(String(line.prefix { $0 != " " }))
    }
  }

  /// The settings of this run but for those of these names, a line of TOML each: what results depend on.
  static func resolvedSettings(except free: Set<String>) throws -> [String] {
    try resolvedSettings().split(separator: "\n").map(String.init).filter { line in
      !line.hasPrefix("#") && !free.contains(String(line.prefix { $0 != " " }))
    }
  }

  /// The long names of the options that were given another value than their default.
  static func changedSettings() throws -> Set<String> {
    let arguments = effective.withLock { $0 }
    let (schema, depth) = try CommandSchema.root().command(namedBy: arguments)
    let settings = schema.settings
    let given = GivenArguments(Array(arguments.dropFirst(depth)), settings: settings).values
    return Set(
      settings.filter { setting in
        guard let values = given[setting.name] else { return false }
        if setting.isFlag { return values != ["\(setting.isOnByDefault)"] }
        return setting.isRepeating || values.last != setting.defaultValue
      }.map(\.name))
  }

  /// Those of `settings` that this run was given, with their values.
  static func given(_ settings: [Setting]) -> [(setting: Setting, values: [String])] {
    let given = GivenArguments(effective.withLock { $0 }, settings: settings).values
    return settings.compactMap { setting in given[setting.name].map { (setting, $0) } }
  }

  /// The settings of this run as TOML: what was given, else the file's, else the default.
  static func resolvedSettings() throws -> String {
    let arguments = effective.withLock { $0 }
    let (schema, depth) = try CommandSchema.root().command(namedBy: arguments)
    let settings = schema.settings
    let given = GivenArguments(Array(arguments.dropFirst(depth)), settings: settings).values
    var text = "# qtool \(arguments[..<depth].joined(separator: " "))\n"
    for setting in settings {
      if let values = given[setting.name] {
        text += line(setting, values)
      } else if setting.isFlag {
        // A pair without a default stands for a third case, which a file says by saying nothing.
        if setting.negation != nil, setting.defaultValue == nil { continue }
        text += "\(setting.name) = \(setting.isOnByDefault)\n"
      } else if let value = setting.defaultValue, !setting.isRepeating {
        text += line(setting, [value])
      }
    }
    return text
  }

  // MARK: - Reading

  private static func read(
    _ path: String, for schema: CommandSchema, root: CommandSchema
  ) throws -> [(Setting, [String])] {
    let table = try table(in: path)
    let commands = Set((root.subcommands ?? []).map(\.commandName))
    var found: [String: (Setting, [String])] = [:]
    func take(_ table: TOMLTable, _ schema: CommandSchema, keep: Bool) throws {
      let settings = Dictionary(schema.settings.map { ($0.name, $0) }) { first, _ in first }
      for key in table.keys.sorted() {
        guard let value = table[key] else { continue }
        guard let setting = settings[key] else {
          throw UsageError(
            "\(path): '\(key)' is not an option of '\(schema.commandName)'"
              + nearest(key, Array(settings.keys)))
        }
        let values = try strings(of: value, setting, "\(path): \(key)")
        if keep { found[setting.name] = (setting, values) }
      }
    }
    let own = TOMLTable()
    var nested: [(String, TOMLTable)] = []
    for key in table.keys.sorted() {
      guard let value = table[key] else { continue }
      if let inner = value.table {
        guard commands.contains(key) else {
          throw UsageError("\(path): '[\(key)]' names no command" + nearest(key, Array(commands)))
        }
        nested.append((key, inner))
      } else {
        own[key] = value
      }
    }
    try take(own, schema, keep: true)
    for (name, inner) in nested {
      guard let other = root.subcommands?.first(where: { $0.commandName == name }) else { continue }
      try take(inner, other, keep: name == schema.commandName)
    }
    return schema.settings.compactMap { found[$0.name] }
  }

  /// The table in a file of TOML.
  static func table(in path: String) throws -> TOMLTable {
    do {
      return try TOMLTable(string: readText(path))
    } catch let error as TOMLParseError {
      throw UsageError("\(path): line \(error.source.begin.line): \(error.description)")
    }
  }

  private static func readText(_ path: String) throws(FileError) -> String {
    let bytes = try WholeFile.read(path, limit: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(path: path, reason: "is not UTF-8 text")
    }
    return text
  }

  /// The texts of a value of TOML; `place` begins what is said of one that is none.
  static func strings(
    of value: any TOMLValueConvertible, _ setting: Setting, _ place: String
  ) throws(UsageError) -> [String] {
    if let array = value.array {
      guard setting.isRepeating else { throw UsageError("\(place): takes one value, not a list") }
      var all: [String] = []
      for item in array { all += try strings(of: item, setting, place) }
      return all
    }
    if let flag = value.bool {
      guard setting.isFlag else { throw UsageError("\(place): takes a value, not true or false") }
      return [flag ? "true" : "false"]
    }
    if setting.isFlag { throw UsageError("\(place): is true or false") }
    if let text = value.string { return [text] }
    if let number = value.int { return ["\(number)"] }
    if let number = value.double { return ["\(number)"] }
    throw UsageError("\(place): a \(value.type) is not a value of an option")
  }

  /// The arguments that give a setting these values.
  static func arguments(for setting: Setting, _ values: [String]) -> [String] {
    if setting.isFlag {
      if values == ["true"] { return ["--\(setting.name)"] }
      return setting.negation.map { ["--\($0)"] } ?? []
    }
    if setting.takesSeveral { return ["--\(setting.name)"] + values }
    return values.map { "--\(setting.name)=\($0)" }
  }

  /// A hint at the name that was probably meant.
  static func nearest(_ name: String, _ known: [String]) -> String {
    let best = known.map { ($0, distance(name, $0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
    guard let best, best.1 <= 2 else { return "" }
    return "; did you mean '\(best.0)'?"
  }

  /// Levenshtein's distance.
  private static func distance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }

  // MARK: - Writing

  private static func line(_ setting: Setting, _ values: [String]) -> String {
    let items = setting.isFlag ? values : values.map(literal)
    let text = setting.isRepeating ? "[\(items.joined(separator: ", "))]" : items.last ?? "\"\""
    return "\(setting.name) = \(text)\n"
  }

  /// A number where the text is one and reads the same again, else a string.
  private static func literal(_ value: String) -> String {
    if let integer = Int(value), "\(integer)" == value { return value }
    if let number = Double(value), number.isFinite, "\(number)" == value { return value }
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return "\"\(text)\""
  }
}
