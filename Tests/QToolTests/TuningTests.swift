import Glibc
import Testing

/// `qtool bench --tune`, and what other commands make of the file.
@Suite(.enabled(if: DeviceTroubleTests.runsOnDevices, "no OpenCL device"))
struct TuningTests {
  let folder = TemporaryFolder()

  private func onDevice(_ arguments: [String], _ environment: [String: String] = [:]) -> Outcome {
    let more = ["LOWBIT_DEVICE": "0"].merging(environment) { $1 }
    return Command(arguments, in: folder, environment: more).wait()
  }

  private func tune(_ more: [String], _ environment: [String: String] = [:]) -> Outcome {
    onDevice(
      ["bench", "--tune", "histogram.groups", "--values", "50000", "--rounds", "2"] + more,
      environment)
  }

  @Test func findingsAreWrittenAndUsed() throws {
    let file = "\(folder.path)/deep/tuning.json"
    let outcome = tune(["--tuning", file, "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"histogram.groups\""))
    let text = TemporaryFolder.text(of: file)
    #expect(text.contains("\"format\": \"lowbit tuning 1\""))
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let job = ["calibrate", model, "--data", "random:3", "-o", "\(folder.path)/s", "--overwrite"]
    let used = onDevice(job + ["-v", "--tuning", file])
    #expect(used.status == 0 && used.errors.contains("tuning: \(file)"), "\(used.errors)")
    let expected = folder.bytes("s")
    // The environment names it just as well, and the command line wins.
    #expect(onDevice(job + ["-v"], ["LOWBIT_TUNING": file]).errors.contains("tuning: \(file)"))
    let without = onDevice(job + ["-v", "--tuning", "none"], ["LOWBIT_TUNING": file])
    #expect(without.status == 0 && !without.errors.contains("tuning: "), "\(without.errors)")
    folder.write(Array(text.utf8.dropLast(9)), "deep/tuning.json")
    let damaged = onDevice(job + ["--tuning", file])
    #expect(damaged.status == 0 && folder.bytes("s") == expected)
    #expect(
      damaged.errors.contains(
        "\(file): is no JSON object; kernels keep their standard parameters"),
      "\(damaged.errors)")
    let missing = onDevice(job + ["--tuning", "\(file).none"])
    #expect(missing.status == 0 && missing.errors.contains("there is no such file"))
    let again = tune(["--tuning", file])
    #expect(again.status == 0 && again.errors.contains("it is replaced"), "\(again.errors)")
  }

  @Test func theFileOfADeviceLiesInTheCache() {
    let cache = "\(folder.path)/cache"
    #expect(tune([], ["LOWBIT_CACHE": cache]).status == 0)
    let names = TemporaryFolder.names(in: "\(cache)/tuning")
    #expect(names.count == 1 && names.allSatisfy { $0.hasSuffix(".json") }, "\(names)")
  }

  @Test func whatCannotBeTunedIsAUsageError() {
    let none = onDevice(["bench", "--tune", "no-such-parameter"])
    #expect(none.status == 2 && none.errors.contains("there are histogram.groups, "))
    let nowhere = tune(["--tuning", "none"])
    #expect(nowhere.status == 2 && nowhere.errors.contains("leaves no file to write"))
    let reference = qtool("bench", "--tune", in: folder)
    #expect(reference.status == 4 && reference.errors.contains("bench tunes OpenCL devices"))
  }
}
