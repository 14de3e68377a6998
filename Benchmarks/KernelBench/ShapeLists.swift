import CShapes

/// The lists of layers in `Benchmarks/Shapes`, built into the program.
public enum ShapeLists {
  /// Their names.
  public static var names: [String] { texts.map(\.name) }

  /// The layers of the list `name`; `nil` where there is none.
  public static func layers(of name: String) -> [ConvolutionLayer]? {
    guard let text = texts.first(where: { $0.name == name })?.text else { return nil }
    guard case .success(let layers) = parse(text) else {
      preconditionFailure("Benchmarks/Shapes/\(name).txt has a line that is none")
    }
    return layers
  }

  /// A line of a file that is no layer.
  public struct BadLine: Error {
    /// Its number, from 1.
    public let number: Int
    /// Its text.
    public let text: String
  }

  /// The layers of a text: one a line, without comments and empty lines.
  public static func parse(_ text: String) -> Result<[ConvolutionLayer], BadLine> {
    var layers: [ConvolutionLayer] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let content = line.prefix { $0 != "#" }
      guard content.contains(where: { $0 != " " }) else { continue }
      guard let layer = ConvolutionLayer(content) else {
        return .failure(BadLine(number: index + 1, text: String(line)))
      }
      layers.append(layer)
    }
    return .success(layers)
  }

  private static let texts: [(name: String, text: String)] = {
    var count = 0
    let rows = UnsafeBufferPointer(start: cs_lists(&count), count: count)
    return rows.map { (String(cString: $0.name), String(cString: $0.text)) }
  }()
}
