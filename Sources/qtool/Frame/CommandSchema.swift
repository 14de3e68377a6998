import ArgumentParser
import FoundationEssentials

/// What a command accepts, as the argument parser describes it. `--config` and `--save-config` are
/// written against this, so that they hold for every option of every command.
struct CommandSchema: Decodable {
  struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String
    }
    var kind: String
    var isRepeating: Bool
    var parsingStrategy: String
    var names: [Name]?
    var defaultValue: String?

    var isFlag: Bool { kind == "flag" }
    var isNamed: Bool { kind != "positional" }
    var longNames: [String] { names?.filter { $0.kind == "long" }.map(\.name) ?? [] }
    var shortNames: [String] { names?.filter { $0.kind == "short" }.map(\.name) ?? [] }
  }

  var commandName: String
  var subcommands: [CommandSchema]?
  var arguments: [Argument]?
}

/// The document that the argument parser prints.
private struct DumpedHelp: Decodable { var command: CommandSchema }

extension CommandSchema {
  /// The schema of `qtool` itself.
  static func root() throws -> CommandSchema { try CommandSchema(of: QTool.self) }

  /// The schema of a command.
  init(of command: (some ParsableCommand).Type) throws {
    self = try JSONDecoder().decode(DumpedHelp.self, from: Data(command._dumpHelp().utf8)).command
  }

  /// The command that `arguments` name, and how many of them do so.
  func command(namedBy arguments: [String]) -> (schema: CommandSchema, depth: Int) {
    var schema = self
    var depth = 0
    while depth < arguments.count,
      let next = schema.subcommands?.first(where: { $0.commandName == arguments[depth] })
    {
      schema = next
      depth += 1
    }
    return (schema, depth)
  }

  /// Options that a configuration file may name, in the order of the help.
  var settings: [Setting] {
    var found: [Setting] = []
    let named = (arguments ?? []).filter(\.isNamed)
    for argument in named {
      guard let name = argument.longNames.first, !Setting.excluded.contains(name) else { continue }
      if argument.isFlag, name.hasPrefix("no-"),
        let positive = found.firstIndex(where: { $0.name == name.dropFirst(3) })
      {
        found[positive].negation = name
        continue
      }
      found.append(
        Setting(
          name: name, aliases: Array(argument.longNames.dropFirst()),
          shortNames: argument.shortNames, isFlag: argument.isFlag,
          isRepeating: argument.isRepeating,
          takesSeveral: argument.parsingStrategy == "upToNextOption",
          defaultValue: argument.defaultValue))
    }
    return found
  }
}

/// One long option.
struct Setting {
  var name: String
  var aliases: [String]
  var shortNames: [String]
  var isFlag: Bool
  var isRepeating: Bool
  /// Whether one mention takes every value up to the next option.
  var takesSeveral: Bool
  var defaultValue: String?
  /// `no-x` of a flag that has it.
  var negation: String?

  /// Options that make no sense in a file of settings.
  static let excluded: Set<String> = [
    "config", "save-config", "dry-run", "help", "version", "generate-completion-script",
  ]

  /// Whether a flag is set where nothing is said.
  var isOnByDefault: Bool { defaultValue == "true" || defaultValue == "--\(name)" }

  /// Every long name, without dashes.
  var longNames: [String] { [name] + aliases + (negation.map { [$0] } ?? []) }
}
