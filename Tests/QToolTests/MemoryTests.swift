import Testing

/// Memory does not grow with the number of samples.
@Suite(.serialized) struct MemoryTests {
  let folder = TemporaryFolder()

  /// The reference, and the best OpenCL device where there is one.
  static let devices = ["reference"] + (DeviceTroubleTests.runsOnDevices ? ["0"] : [])

  /// Peak memory in KiB, as the command says it.
  func peak(_ command: String, _ model: String, samples: Int, device: String) throws -> Int {
    let outcome = qtool(
      command, model, "--data", "random:\(samples)", "-o", "\(folder.path)/out", "--overwrite",
      "-v", "--device", device, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let line = try #require(
      outcome.errors.split(separator: "\n").first { $0.hasPrefix("peak memory: ") })
    return try #require(Int(line.split(separator: " ")[2]))
  }

  /// Sixteen times the samples, in batches of the same size: at most 5 % more. Were large tensors in
  /// the heap, holes between them would make it a third more; the inputs of all samples alone are
  /// a third, too.
  ///
  /// Threads that meet in the allocator leave some hundred KiB more in some runs than in others: a run
  /// that is over the bound by chance is one of three at most.
  @Test(arguments: ["calibrate", "quantize"], devices)
  func samplesCostNothing(_ command: String, device: String) throws {
    let model = try Models.write(
      Models.tapered(channels: [1, 2, 3, 4, 6, 8], side: 64), "m.onnx", in: folder)
    // A driver that compiles takes much more than a model: once before anything is measured.
    if device != "reference" { _ = try peak(command, model, samples: 64, device: device) }
    let few = try peak(command, model, samples: 64, device: device)
    let bound = Int(1.05 * Double(few))
    var many: [Int] = []
    repeat {
      many.append(try peak(command, model, samples: 1024, device: device))
    } while many.allSatisfy { $0 > bound } && many.count < 3
    #expect(
      many.contains { $0 <= bound },
      "\(device): \(few) KiB with 64 samples, \(many) with 1024")
  }
}
