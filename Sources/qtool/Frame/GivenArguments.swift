/// What a list of arguments says about each setting: the syntactic half of the argument parser's
/// work, enough to tell which settings were given and with what values.
struct GivenArguments {
  /// Values by setting name; flags have `true` or `false`.
  private(set) var values: [String: [String]] = [:]

  init(_ arguments: [String], settings: [Setting]) {
    var byName: [String: Setting] = [:]
    for setting in settings {
      for name in setting.longNames { byName["--\(name)"] = setting }
      for name in setting.shortNames { byName["-\(name)"] = setting }
    }
    var index = 0
    while index < arguments.count, arguments[index] != "--" {
      let argument = arguments[index]
      index += 1
      guard argument.hasPrefix("-"), argument.count > 1 else { continue }
      let (name, attached) = Self.split(argument)
      guard let setting = byName[name] else {
        noteGroupedFlags(argument, byName)
        continue
      }
      if setting.isFlag {
        values[setting.name] = [name == "--\(setting.negation ?? "")" ? "false" : "true"]
      } else if let attached {
        values[setting.name, default: []].append(attached)
      } else {
        while index < arguments.count, !Self.isOption(arguments[index]) {
          values[setting.name, default: []].append(arguments[index])
          index += 1
          if !setting.takesSeveral { break }
        }
      }
    }
  }

  /// `-qv` stands for `-q -v`.
  private mutating func noteGroupedFlags(_ argument: String, _ byName: [String: Setting]) {
    guard !argument.hasPrefix("--") else { return }
    for character in argument.dropFirst() {
      if let setting = byName["-\(character)"], setting.isFlag { values[setting.name] = ["true"] }
    }
  }

  private static func split(_ argument: String) -> (name: String, attached: String?) {
    guard let sign = argument.firstIndex(of: "=") else { return (argument, nil) }
    return (String(argument[..<sign]), String(argument[argument.index(after: sign)...]))
  }

  /// Whether the argument parser takes the argument for an option: a dash that is neither alone nor
  /// the sign of a number.
  private static func isOption(_ argument: String) -> Bool {
    argument.hasPrefix("-") && argument != "-" && Double(argument) == nil
  }

  /// Values of the option `name` anywhere, before anything is known about the command.
  static func value(of name: String, in arguments: [String]) -> String? {
    var found: String?
    for (index, argument) in arguments.enumerated() {
      if argument == "--" { break }
      if argument == "--\(name)", index + 1 < arguments.count { found = arguments[index + 1] }
      if argument.hasPrefix("--\(name)=") { found = String(argument.dropFirst(name.count + 3)) }
    }
    return found
  }
}
