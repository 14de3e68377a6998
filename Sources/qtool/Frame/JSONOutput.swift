import FoundationEssentials

/// `value` as one JSON document: keys sorted, so that the same result has the same bytes. A number
/// that JSON cannot hold becomes `"inf"`, `"-inf"` or `"nan"`.
func json(_ value: some Encodable) throws -> String { try json(value, [.prettyPrinted]) }

/// `value` as JSON in one line, as a log has it.
func jsonLine(_ value: some Encodable) throws -> String { try json(value, []) }

private func json(
  _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting
) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
