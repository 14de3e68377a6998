import FoundationEssentials

/// `value` as one JSON document: keys sorted, so that the same result has the same bytes. A number
/// that JSON cannot hold becomes `"inf"`, `"-inf"` or `"nan"`.
func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
