import Files
import Glibc
import Testing

/// Devices that are missing, wrong or too small: `--device auto` says so and gives the reference's
/// result, a named device is exit code 4.
@Suite struct DeviceTroubleTests {
  let folder = TemporaryFolder()
  let model: String
  let writers: [(command: String, result: [UInt8])]

  /// Whether OpenCL has a device that `auto` takes.
  static let hasDevice: Bool = {
    let folder = TemporaryFolder()
    let outcome = qtool(
      "devices", "--json", in: folder, environment: ["LOWBIT_DEVICE": "auto"])
    return !outcome.output.contains("\"automatic\" : \"reference\"")
  }()

  /// Where continuous integration demands every test, a machine without OpenCL fails.
  static let runsOnDevices = hasDevice || getenv("LOWBIT_REQUIRE_ALL") != nil

  init() throws {
    model = try Models.write(
      Models.deep(layers: 2, channels: 8, side: 64), "m.onnx", in: folder)
    var writers: [(command: String, result: [UInt8])] = []
    for command in ["calibrate", "quantize"] {
      let outcome = qtool(
        command, model, "--data", "random:24", "-o", "\(folder.path)/expected", "--overwrite",
        in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      writers.append((command, folder.bytes("expected")))
    }
    self.writers = writers
  }

  /// With `auto` the reference's result and a message; with the device's name exit code 4 and nothing.
  func check(
    _ environment: [String: String], more: [String] = [], says reason: String, named: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (command, expected) in writers {
      let target = "\(folder.path)/out"
      func outcome(_ device: String) -> Outcome {
        Command(
          [command, model, "--data", "random:24", "-o", target, "--device", device] + more,
          in: folder, environment: environment
        ).wait()
      }
      let automatic = outcome("auto")
      #expect(automatic.status == 0, "\(automatic)", sourceLocation: sourceLocation)
      #expect(
        automatic.errors.contains(reason), "\(automatic.errors)", sourceLocation: sourceLocation)
      #expect(folder.bytes("out") == expected, sourceLocation: sourceLocation)
      unlink(target)
      let chosen = outcome("0")
      #expect(
        chosen.status == 4 && chosen.output.isEmpty, "\(chosen)", sourceLocation: sourceLocation)
      #expect(chosen.errors.contains(named), "\(chosen.errors)", sourceLocation: sourceLocation)
      #expect(
        !folder.names.contains { $0.contains("out") && !$0.hasPrefix(".std") },
        sourceLocation: sourceLocation)
    }
  }

  @Test func noLibrary() {
    check(
      ["OPENCL_LIBRARY": "/nonexistent/libOpenCL.so"],
      says: "the reference, because there is no OpenCL library",
      named: "there is no device '0'; there is no OpenCL library")
  }

  /// A library that is there and is not OpenCL's.
  @Test func anotherLibrary() {
    check(
      ["OPENCL_LIBRARY": "libm.so.6"], says: "the reference, because there is no OpenCL library",
      named: "there is no device '0'")
  }

  @Test(.enabled(if: runsOnDevices, "no OpenCL device")) func noPlatform() {
    mkdir("\(folder.path)/vendors", 0o777)
    check(
      ["OCL_ICD_VENDORS": "\(folder.path)/vendors", "OCL_ICD_FILENAMES": ""],
      says: "the reference, because there is no OpenCL platform",
      named: "there is no device '0'; there is no OpenCL platform, only 'reference'")
  }

  /// One sample fits, a batch does not.
  @Test(.enabled(if: runsOnDevices, "no OpenCL device")) func memoryThatEndsInTheMiddle() {
    check(
      [:], more: ["--device-memory", "4M"], says: "starting again on the reference",
      named: "CL_MEM_OBJECT_ALLOCATION_FAILURE")
    check([:], more: ["--device-memory", "1K"], says: "not used", named: "ALLOCATION_FAILURE")
  }

  @Test(.enabled(if: runsOnDevices, "no OpenCL device")) func kernelsThatDoNotCompile() throws {
    for stem in ["conv", "product"] { mkdir("\(folder.path)/\(stem)", 0o777) }
    mkdir("\(folder.path)/elementwise", 0o777)
    folder.write("#error this does not compile\n", "elementwise/map.cl")
    check(["LOWBIT_KERNELS": folder.path], says: "not used", named: "clBuildProgram failed")
  }

  /// A device that rounds ties away from even, as some hardware does.
  @Test(.enabled(if: runsOnDevices, "no OpenCL device")) func devicesThatComputeSomethingElse()
    throws
  {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let kernel = try WholeFile.read("/\(root)/Kernels/elementwise/map.cl", limit: 1 << 20)
    mkdir("\(folder.path)/elementwise", 0o777)
    folder.write(Array("#define rint(x) round(x)\n".utf8) + kernel, "elementwise/map.cl")
    check(
      ["LOWBIT_KERNELS": folder.path], says: "fails its self-test", named: "fails its self-test")
  }

  @Test func memoryThatIsNoNumber() {
    for text in ["", "many", "-3", "0", "12T", "9999999999G"] {
      let outcome = qtool(
        "calibrate", model, "--data", "random:1", "-o", "\(folder.path)/out", "--device-memory",
        text, in: folder)
      #expect(outcome.status == 2, "\(outcome)")
    }
  }
}
