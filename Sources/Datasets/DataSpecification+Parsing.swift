import Tensors

extension DataSpecification {
  /// Reads `PATH?option=value&option=value`.
  ///
  /// - Throws: ``DataSpecificationError`` for an option that does not exist, is given twice, or has a
  ///   value that makes no sense.
  public init(parsing text: String) throws(DataSpecificationError) {
    self.text = text
    let mark = text.firstIndex(of: "?")
    path = String(text[..<(mark ?? text.endIndex)])
    guard !path.isEmpty else { throw DataSpecificationError(text, "names no path") }
    guard let mark else { return }
    var seen: Set<Substring> = []
    for option in text[text.index(after: mark)...].split(separator: "&") {
      guard let sign = option.firstIndex(of: "=") else {
        throw DataSpecificationError(text, "option '\(option)' has no value: write \(option)=...")
      }
      let name = option[..<sign]
      guard seen.insert(name).inserted else {
        throw DataSpecificationError(text, "option '\(name)' is given twice")
      }
      try set(name, to: option[option.index(after: sign)...])
    }
  }

  private mutating func set(_ name: Substring, to value: Substring) throws(DataSpecificationError) {
    switch name {
    case "limit": limit = try whole(name, value, from: 1)
    case "offset": offset = try whole(name, value, from: 0)
    case "batch": batch = try whole(name, value, from: 1)
    case "shuffle": shuffle = UInt64(try whole(name, value, from: 0))
    case "scale": scale = try fraction(name, value)
    case "mean": mean = try fractions(name, value)
    case "std":
      standardDeviation = try fractions(name, value)
      if standardDeviation.contains(where: { $0.value == 0 }) {
        throw wrong(name, value, "a number other than zero for each channel")
      }
    case "resize": resize = try resize(name, value)
    case "crop": crop = try size(name, value)
    case "channels": channels = try channels(name, value)
    case "layout":
      guard let layout = Layout(rawValue: String(value)) else {
        throw wrong(name, value, "nchw or nhwc")
      }
      self.layout = layout
    case "dtype":
      guard let type = ElementType(rawValue: String(value)) else {
        throw wrong(name, value, "a type such as float32, float16 or uint8")
      }
      elementType = type
    case "labels":
      ignoresLabels = value == "none"
      labels = ignoresLabels ? nil : String(value)
    default:
      throw DataSpecificationError(
        text,
        "there is no option '\(name)'; there are limit, offset, shuffle, batch, scale, mean, std, "
          + "resize, crop, channels, layout, dtype and labels")
    }
  }

  private func wrong(
    _ name: Substring, _ value: Substring, _ expected: String
  ) -> DataSpecificationError {
    DataSpecificationError(text, "\(name)=\(value): expected \(expected)")
  }

  private func whole(
    _ name: Substring, _ value: Substring, from least: Int
  ) throws(DataSpecificationError) -> Int {
    guard let number = Int(value), number >= least else {
      throw wrong(name, value, "a whole number, at least \(least)")
    }
    return number
  }

  private func fraction(
    _ name: Substring, _ value: Substring
  ) throws(DataSpecificationError) -> Fraction {
    guard let fraction = Fraction(parsing: value) else {
      throw wrong(name, value, "a number or a fraction such as 1/255")
    }
    return fraction
  }

  private func fractions(
    _ name: Substring, _ value: Substring
  ) throws(DataSpecificationError) -> [Fraction] {
    var all: [Fraction] = []
    for part in value.split(separator: ",", omittingEmptySubsequences: false) {
      guard let fraction = Fraction(parsing: part) else {
        throw wrong(name, value, "numbers or fractions such as 1/255, with commas between")
      }
      all.append(fraction)
    }
    return all
  }

  private func size(
    _ name: Substring, _ value: Substring
  ) throws(DataSpecificationError) -> Size {
    let sides = value.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard (1...2).contains(sides.count), sides.allSatisfy({ (1...65535).contains($0) }) else {
      throw wrong(name, value, "a side in pixels or HEIGHTxWIDTH")
    }
    return Size(height: sides[0], width: sides[sides.count - 1])
  }

  private func resize(
    _ name: Substring, _ value: Substring
  ) throws(DataSpecificationError) -> Resize {
    if value.contains("x") { return .exactly(try size(name, value)) }
    let side = try fraction(name, value)
    guard side.value >= 1, side.value <= 65535 else {
      throw wrong(name, value, "the shorter side in pixels or HEIGHTxWIDTH")
    }
    return .shortSide(side)
  }

  private func channels(
    _ name: Substring, _ value: Substring
  ) throws(DataSpecificationError) -> Channels {
    switch value {
    case "1", "gray": return .gray
    case "3", "rgb": return .rgb
    case "bgr": return .bgr
    default: throw wrong(name, value, "1, 3, gray, rgb or bgr")
    }
  }
}
