import ArgumentParser
import Glibc

/// Where the model runs.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A device's name or index as 'qtool devices' lists them, reference, or auto.",
      valueName: "device"))
  var device: String = getenv("LOWBIT_DEVICE").map { String(cString: $0) } ?? "auto"
}
