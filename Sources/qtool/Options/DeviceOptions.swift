import ArgumentParser
import Glibc
import LowBit

/// Where the model runs.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A device's name or index as 'qtool devices' lists them, reference, or auto.",
      valueName: "device"))
  var device: String = getenv("LOWBIT_DEVICE").map { String(cString: $0) } ?? "auto"

  @Option(
    help: ArgumentHelp(
      "Take at most so much of the device's memory: bytes, or a number with K, M or G.",
      valueName: "size"))
  var deviceMemory: String?

  @Option(
    help: ArgumentHelp(
      "What 'qtool bench --tune' found on the device: a file, or none; by default LOWBIT_TUNING, else "
        + "a file of the device in the cache.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var tuning: String?

  func validate() throws {
    if let deviceMemory, Self.byteCount(deviceMemory) == nil {
      throw ValidationError("--device-memory \(deviceMemory): expected a number such as 512M")
    }
  }

  private func choice(tuning: String?) -> DeviceChoice {
    DeviceChoice(device, memoryLimit: deviceMemory.flatMap(Self.byteCount), tuning: tuning)
  }

  /// The backend that was asked for; see `DeviceChoice.open(notify:)`.
  func open(tuning: String? = nil) throws -> any Backend {
    try choice(tuning: tuning ?? self.tuning).open(notify: Self.show)
  }

  /// Runs `body` on the backend, or again on the reference; see `DeviceChoice.run(notify:_:)`.
  func run<Result>(_ body: (any Backend) throws -> Result) throws -> Result {
    try choice(tuning: tuning).run(notify: Self.show, body)
  }

  private static func show(_ notice: DeviceNotice) {
    switch notice.level {
    case .detail: Console.shared.detail(notice.text)
    case .note: Console.shared.note(notice.text)
    case .warning: Console.shared.warn(notice.text)
    }
  }

  private static func byteCount(_ text: String) -> Int? {
    let units = ["K": 10, "M": 20, "G": 30]
    let shift = text.last.flatMap { units["\($0)".uppercased()] } ?? 0
    guard let number = Int(shift == 0 ? text : String(text.dropLast())), number > 0,
      number <= Int.max >> shift
    else { return nil }
    return number << shift
  }
}
