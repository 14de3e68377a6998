import Glibc
import Testing

/// What every command has in common: exit codes, settings, outputs.
@Suite struct FrameTests {
  let folder = TemporaryFolder()

  @Test func helpShowsExamplesFirst() throws {
    let help = qtool("evaluate", "--help", in: folder)
    #expect(help.status == 0 && help.errors.isEmpty)
    let examples = try #require(help.output.firstRange(of: "Examples:"))
    let usage = try #require(help.output.firstRange(of: "USAGE:"))
    #expect(examples.lowerBound < usage.lowerBound)
  }

  @Test func usageErrorsExitWith2() {
    for arguments in [["evaluate"], ["no-such-command"], ["devices", "--no-such-option"]] {
      let outcome = Command(arguments, in: folder).wait()
      #expect(outcome.status == 2 && outcome.output.isEmpty, "\(arguments)")
      #expect(outcome.errors.hasPrefix("error: "), "\(outcome.errors)")
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionScripts(shell: String) {
    let script = qtool("--generate-completion-script", shell, in: folder)
    #expect(script.status == 0 && script.output.contains("evaluate"))
  }

  @Test func jsonIsAloneOnStandardOutput() {
    let outcome = qtool("devices", "--json", "-v", in: folder)
    #expect(outcome.status == 0)
    #expect(outcome.output.hasPrefix("{") && outcome.output.hasSuffix("}\n"))
  }

  @Test func settingsComeFromTOML() throws {
    let config = folder.write("json = true\n[evaluate]\nfail-below = 3.5\n", "c.toml")
    let outcome = qtool("devices", "--config", config, in: folder)
    #expect(outcome.status == 0 && outcome.output.hasPrefix("{"))
    // The command line wins.
    #expect(
      qtool("devices", "--config", config, "--no-json", in: folder).output.hasPrefix("{") == false)
  }

  @Test(arguments: [
    ("jsn = true\n", "'jsn' is not an option of 'devices'; did you mean 'json'?"),
    ("json = 3\n", "json: is true or false"),
    ("seed = [1, 2]\n", "seed: takes one value, not a list"),
    ("seed = true\n", "seed: takes a value, not true or false"),
    ("[evaluat]\n", "'[evaluat]' names no command; did you mean 'evaluate'?"),
    ("[evaluate]\nfail = 1\n", "'fail' is not an option of 'evaluate'"),
    ("json = \n", "line 1: "), ("config = \"other\"\n", "'config' is not an option"),
  ])
  func unknownSettingsAreErrors(text: String, reason: String) {
    let config = folder.write(text, "c.toml")
    let outcome = qtool("devices", "--config", config, in: folder)
    #expect(outcome.status == 2)
    #expect(
      outcome.errors.contains("\(config): ") && outcome.errors.contains(reason), "\(outcome.errors)"
    )
  }

  @Test func savedSettingsReadBack() {
    let first = "\(folder.path)/a.toml"
    let second = "\(folder.path)/b.toml"
    #expect(
      qtool("devices", "--json", "--seed", "7", "-q", "--save-config", first, in: folder).status
        == 0)
    let text = TemporaryFolder.text(of: first)
    #expect(
      text.contains("json = true\n") && text.contains("seed = 7\n")
        && text.contains("quiet = true\n"))
    #expect(qtool("devices", "--config", first, "--save-config", second, in: folder).status == 0)
    #expect(TemporaryFolder.text(of: second) == text)
    // It is not replaced by accident.
    let again = qtool("devices", "--save-config", first, in: folder)
    #expect(again.status == 2 && again.errors.contains("exists already"))
  }

  @Test func aFullDiskBehindStandardOutputIsAnError() {
    let outcome = qtool("devices", in: folder, standardOutput: "/dev/full")
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("cannot write to standard output: No space left on device"))
  }

  @Test func devicesWithoutAnOpenCLLibrary() {
    let outcome = qtool(
      "devices", "--json", in: folder, environment: ["OPENCL_LIBRARY": "/nonexistent/libOpenCL.so"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("\"automatic\" : \"reference\""))
    #expect(outcome.output.contains("/nonexistent/libOpenCL.so"))
  }
}
