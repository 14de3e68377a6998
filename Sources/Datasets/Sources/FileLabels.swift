/// Labels by file: a CSV file with a header, `file,label` in the first two columns.
///
/// Labels are class indices when all of them are whole numbers; otherwise they are class names, and
/// the index of a class is its place among the sorted names.
struct FileLabels: Sendable {
  /// Files in the order of the table.
  let files: [String]
  private let labels: [String: Label]
  private let path: String

  init(csv path: String) throws(DataError) {
    self.path = path
    let source = try ByteSource(path: path)
    guard source.count <= 1 << 30,
      let text = String(validating: try source.bytes(at: 0, count: source.count), as: UTF8.self)
    else { throw DataError(file: path, "is not a text of UTF-8") }
    var rows: [(file: String, label: String)] = []
    for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let cells = try Self.cells(line, path: path, line: number + 1)
      guard cells.count >= 2 else {
        throw DataError(file: path, "line \(number + 1): expected file,label")
      }
      if number == 0 {
        guard Int(cells[1]) == nil,
          !ImageFile.nameExtensions.contains(Folder.nameExtension(of: cells[0]))
        else { throw DataError(file: path, "line 1: expected a header such as file,label") }
        continue
      }
      rows.append((cells[0], cells[1]))
    }
    let names = Set(rows.map(\.label))
    let areIndices = names.allSatisfy { (Int($0) ?? -1) >= 0 }
    let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let indexOfName = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    var labels: [String: Label] = [:]
    for row in rows {
      let label =
        areIndices
        ? Label(index: Int(row.label) ?? 0)
        : Label(index: indexOfName[row.label] ?? 0, name: row.label)
      guard labels.updateValue(label, forKey: row.file) == nil else {
        throw DataError(file: path, "names '\(row.file)' twice")
      }
    }
    guard !rows.isEmpty else { throw DataError(file: path, "holds no labels") }
    files = rows.map(\.file)
    self.labels = labels
  }

  /// The label of a file, by its path relative to the folder or its name.
  func label(of file: String) throws(DataError) -> Label {
    if let label = labels[file] ?? labels[Folder.name(of: file)] { return label }
    throw DataError(file: path, "has no label for '\(file)'")
  }

  /// The cells of a line; a cell in double quotes may hold commas, and `""` for a quote.
  private static func cells(
    _ line: Substring, path: String, line number: Int
  ) throws(DataError) -> [String] {
    var cells: [String] = []
    var cell = ""
    var isQuoted = false
    var previousWasQuote = false
    for character in line {
      if character == "\"" {
        // A quote after a closing one is a quote of the text.
        if previousWasQuote && !isQuoted { cell.append("\"") }
        isQuoted.toggle()
        previousWasQuote = !isQuoted
        continue
      }
      previousWasQuote = false
      if character == ",", !isQuoted {
        cells.append(cell)
        cell = ""
      } else {
        cell.append(character)
      }
    }
    guard !isQuoted else { throw DataError(file: path, "line \(number): a quote is not closed") }
    return cells + [cell]
  }
}
