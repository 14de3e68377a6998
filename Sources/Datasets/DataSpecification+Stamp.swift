extension DataSpecification {
  /// A specification, or the name of data that says more than one, as written models record it:
  /// without the folders that lead to files, which say nothing of the data and something of the machine.
  ///
  /// `/home/me/images/?limit=500&labels=/home/me/labels.csv` is `images?limit=500&labels=labels.csv`.
  public static func stamp(of text: String) -> String {
    let mark = text.firstIndex(of: "?") ?? text.endIndex
    let options = text[mark...].dropFirst().split(separator: "&").map { option in
      let parts = option.split(separator: "=", maxSplits: 1)
      return parts.count == 2 && parts[0] == "labels"
        ? "labels=\(lastComponent(parts[1]))" : String(option)
    }
    let path = lastComponent(text[..<mark])
    return options.isEmpty ? path : "\(path)?\(options.joined(separator: "&"))"
  }

  private static func lastComponent(_ path: Substring) -> String {
    path.split(separator: "/").last.map(String.init) ?? String(path)
  }
}
