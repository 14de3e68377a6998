import Files
import LowBit

/// Streams data through a model and observes its values, with progress on standard error.
struct CalibrationRun {
  let graph: Graph
  let specification: DataSpecification
  /// The part of the data that is taken, from 0, and the number of parts.
  var shard = (number: 0, count: 1)
  var allowsNonFinite = false
  var seed: UInt64 = 0

  /// What is seen of `names`, with the means of channels where axes are given, and with the moments of
  /// patches.
  func observations<B: Backend>(
    of names: Set<String>, channelAxes: [String: ChannelAxis],
    patches: [String: Set<PatchGeometry>], on backend: B
  ) throws -> Observations {
    let data = try specification.open(
      for: graph.inputs.map { ModelInput($0) }, seed: seed,
      tensorReader: InputFiles.tensor)
    let samples = (0..<data.count).filter { $0 % shard.count == shard.number }
    guard !samples.isEmpty else {
      throw DataError("'\(data.name)' holds \(data.count) samples: none is in this part")
    }
    var calibrator = try Calibrator(
      graph, observing: names, channelAxes: channelAxes, patches: patches, on: backend,
      allowsNonFinite: allowsNonFinite)
    var progress = Progress("calibrate", count: samples.count, unit: "samples")
    var waiting: [CalibrationSample] = []
    for index in samples {
      let sample = try data.sample(at: index)
      waiting.append(CalibrationSample(inputs: sample.inputs, name: sample.name))
      let limit = min(calibrator.preferredBatch, specification.batch ?? .max)
      guard waiting.count >= limit || index == samples.last else { continue }
      try calibrator.add(waiting)
      progress.advance(by: waiting.count)
      waiting.removeAll(keepingCapacity: true)
    }
    let seconds = progress.finish()
    Console.shared.detail(
      "calibrated on \(samples.count) samples in \(formatted(seconds, digits: 2)) s")
    return try calibrator.observations(
      of: .init(
        data: specification.identity, shard: shard.number, shardCount: shard.count,
        sampleCount: calibrator.sampleCount))
  }
}

extension Statistics {
  /// Reads a file of statistics.
  init(path: String) throws {
    do {
      try self.init(decoding: WholeFile.read(path, limit: 1 << 30))
    } catch let error as CalibrationError {
      throw CalibrationError("\(path): \(error)")
    } catch let error as FileError {
      // It names the path itself.
      throw CalibrationError("\(error)")
    }
  }
}
