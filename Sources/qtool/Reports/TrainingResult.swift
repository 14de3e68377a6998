import LowBit

/// What `qtool train` prints.
struct TrainingResult: Encodable {
  var output: String
  var run: String
  var device: String
  var samples: Int
  var batch: Int
  var steps: Int
  var seconds: Double
  /// The log's last line.
  var last: TrainingRecord?
  /// What the accumulators of layers need; empty where training was not for a width.
  var accumulators: [String]

  var text: String {
    var lines = [
      "trained \(steps) steps of \(batch) on \(device), \(formatted(seconds, digits: 1)) s"
    ]
    if let last { lines.append("  \(last.text)") }
    lines += accumulators.map { "accumulator of \($0)" }
    lines.append("run: \(run)")
    lines.append("written: \(output)")
    return lines.joined(separator: "\n")
  }
}

/// What `qtool train --dry-run` prints.
struct TrainingOutline: Encodable {
  var model: String
  var data: String
  var samples: Int
  var batch: Int
  var leftOver: Int
  var stages: [String]
  /// Steps of each stage.
  var stageSteps: [Int]
  var stepsPerEpoch: Int
  var steps: Int
  var parameters: Int
  var device: String
  var run: String
  /// How the network is quantized, a line of TOML each.
  var settings: [String]
  /// What bounds the accumulators of layers; empty where training is not for a width.
  var accumulators: [String] = []

  var text: String {
    let quantization = settings.isEmpty ? "" : "\nsettings: \(settings.joined(separator: "; "))"
    return """
      train \(parameters) parameters of \(model) on \(device)
      data: \(samples) samples of \(data), \(batch) in a batch, \(stepsPerEpoch) batches an epoch, \
      \(leftOver) left out
      \(steps) steps in \(stages.count) stage\(stages.count == 1 ? "" : "s"): \
      \(zip(stages, stageSteps).map { "\($0) (\($1))" }.joined(separator: "; "))
      run folder: \(run)\(quantization)
      """ + accumulators.map { "\naccumulator of \($0)" }.joined()
  }
}

extension TrainingRecord {
  /// The record for people.
  var text: String {
    var parts = ["epoch \(epoch), step \(step)/\(steps)"]
    if stageName != "float" { parts.append("stage \(stage) (\(stageName))") }
    parts.append("loss \(formatted(loss, digits: 4))")
    if let accuracy { parts.append("accuracy \(formatted(accuracy, digits: 2)) %") }
    if let validationTop1 { parts.append("validation \(formatted(validationTop1, digits: 2)) %") }
    if let validationPSNR {
      parts.append("validation \(formatted(validationPSNR, digits: 2)) dB PSNR")
    }
    if let validationSQNR {
      parts.append("validation \(formatted(validationSQNR, digits: 2)) dB SQNR")
    }
    parts.append("\(formatted(imagesPerSecond, digits: 0)) images/s")
    return parts.joined(separator: ", ")
  }
}
