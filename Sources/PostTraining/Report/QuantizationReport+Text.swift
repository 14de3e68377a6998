import Glibc
import Quantization

extension QuantizationReport {
  /// The report for people: a table of layers, then what stayed in float and what to know.
  public var text: String {
    var lines = ["settings: \(settings)", "samples: \(sampleCount)"]
    if sampleCount == 0 {
      lines += (calibration?.data ?? []).map { "calibrated on: \($0)" }
    }
    lines.append("")
    lines += Self.table(
      [["layer", "operator", "runs as", "weights", "scale", "SQNR", "levels in"]]
        + layers.map { layer in
          [
            layer.name, layer.operatorType, layer.execution,
            layer.weightLevels.map { "\($0) (\(layer.weightBits ?? 8) bit)" } ?? "-",
            layer.granularity ?? "-",
            layer.weightSQNR.map { Self.decibels($0) } ?? "-",
            layer.activationLevels > 0 ? "\(layer.activationLevels)" : "float",
          ]
        })
    lines += determinations
    let shortcut = Dictionary(grouping: floatNodes) { "\($0.operatorType): \($0.reason)" }
    if !floatNodes.isEmpty {
      lines += ["", "in float:"]
      for (reason, nodes) in shortcut.sorted(by: { $0.key < $1.key }) {
        let names = nodes.prefix(3).map(\.name).joined(separator: ", ")
        let rest = nodes.count > 3 ? " and \(nodes.count - 3) more" : ""
        lines.append("  \(nodes.count) x \(reason) (\(names)\(rest))")
      }
    }
    if !fused.isEmpty {
      lines += ["", "\(fused.count) Relu and Clip nodes became part of quantizers"]
    }
    lines += notes.map { "note: \($0)" }
    lines.append(
      "constants: \(constantBytes.before) bytes before, \(constantBytes.after) after")
    return lines.joined(separator: "\n")
  }

  /// Statistics, estimates and exponents of layers that were made for an accumulator of a width.
  private var determinations: [String] {
    let made = layers.filter { $0.determination != nil }
    guard let accumulatorBits, !made.isEmpty else { return [] }
    let header = [
      "layer", "K", "W", "mean |w|", "A", "O", "M1", "M2", "M3", "q_x", "q_w", "q_out", "shift",
      "lowered",
      "accumulator",
    ]
    return ["", "made for accumulators of \(accumulatorBits) bits:"]
      + Self.table(
        [header]
          + made.compactMap { layer in
            layer.determination.map { found in
              let statistics = found.statistics
              let (low, high) = (found.finalWeightExponents[0], found.finalWeightExponents[1])
              return [layer.name, "\(statistics.weightsPerChannel)"]
                + [
                  statistics.largestWeight, statistics.meanWeight, statistics.largestActivation,
                  statistics.largestOutput, found.guaranteed, found.approximate, found.observed,
                ].map { $0.map(Self.short) ?? "-" }
                + [
                  "\(found.inputExponent)", low == high ? "\(low)" : "\(low) to \(high)",
                  layer.outputExponent.map { "\($0)" } ?? "-",
                  layer.outputExponent.map { out in
                    let shifts = [low, high].map { $0 + found.inputExponent - out }
                    return low == high ? "\(shifts[0])" : "\(shifts[0]) to \(shifts[1])"
                  } ?? "-", "\(found.lowerings)",
                  "needs \(layer.accumulatorBits ?? found.neededBits) bits",
                ]
            }
          })
  }

  /// Three significant digits.
  private static func short(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return "\(value)" }
    let digits = 2 - Int(log10(value.magnitude).rounded(.down))
    guard digits > 0 else { return "\(Int(value.rounded()))" }
    let unit = pow(10, Double(digits))
    return "\((value * unit).rounded() / unit)"
  }

  /// Columns padded to the widest cell; long cells are cut in the middle.
  private static func table(_ rows: [[String]]) -> [String] {
    let rows = rows.map { $0.map { shortened($0, to: 48) } }
    guard let first = rows.first else { return [] }
    let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: width - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private static func shortened(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    let head = (width - 3) / 2
    return "\(text.prefix(head))...\(text.suffix(width - 3 - head))"
  }

  private static func decibels(_ value: Double) -> String {
    guard value.isFinite else { return value == .infinity ? "exact" : "\(value)" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10)) dB"
  }
}
