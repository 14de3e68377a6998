import Glibc

/// `value` with a fixed number of decimals.
package func formatted(_ value: Double, digits: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  return printed("%.*f", Int32(digits), value)
}

/// A number of bytes for people: `1.9 MiB`.
package func formatted(bytes: Int) -> String {
  var value = Double(bytes)
  var unit = 0
  let units = ["B", "KiB", "MiB", "GiB", "TiB"]
  while value >= 1024 && unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  return "\(formatted(value, digits: unit == 0 ? 0 : 1)) \(units[unit])"
}

/// `value` with so many significant digits: `0.01234`, `1.2e-07`.
package func formatted(_ value: Double, significant digits: Int) -> String {
  guard value.isFinite else { return formatted(value, digits: 0) }
  return printed("%.*g", Int32(digits), value)
}

/// A whole number with a thin space between thousands.
func formatted(count: Int) -> String {
  var digits = Array("\(count.magnitude)")
  for place in stride(from: digits.count - 3, to: 0, by: -3) {
    digits.insert("\u{2009}", at: place)
  }
  return (count < 0 ? "-" : "") + String(digits)
}

/// A ratio in dB; a word for an infinite one.
func formatted(decibels value: Double, digits: Int = 1, perfect: String = "exact") -> String {
  value == .infinity ? perfect : "\(formatted(value, digits: digits)) dB"
}

/// The cell of a signal-to-noise ratio, with a bar where there is a length to draw.
func cell(
  decibels value: Double, longest: Double?, digits: Int = 1, perfect: String = "exact"
) -> Table.Cell {
  let text = formatted(decibels: value, digits: digits, perfect: perfect)
  return value.isFinite ? .bar(text, share: value / max(longest ?? value, 1e-9)) : .number(text)
}

/// A share in percent, with the digits that tell a small one from none.
func formatted(share: Double) -> String {
  let percent = 100 * share
  if percent == 0 { return "none" }
  return percent < 0.01
    ? "less than 0.01 %" : "\(formatted(percent, digits: percent < 1 ? 2 : 1)) %"
}

private func printed(_ format: String, _ digits: Int32, _ value: Double) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let count = withVaList([digits, value]) { vsnprintf(&buffer, buffer.count, format, $0) }
  return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
