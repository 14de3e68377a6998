import ArgumentParser
import LowBit
import OpenCLHost

/// `qtool devices`
struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List OpenCL platforms and devices, and the reference; say which one auto takes.",
    discussion: examples(
      "qtool devices", "qtool devices --check", "qtool devices --json"))

  @Flag(
    inversion: .prefixedNo,
    help: "Run every operation's test cases on each device and compare with the reference.")
  var check = false

  @Option(
    help: "With --check, only the case of this description, or those that contain it; repeatable.")
  var cases: [String] = []

  @Option(help: "With --check, the kernels' form: for cpu or gpu, whatever the device is.")
  var form: KernelForm?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    let test = cases.isEmpty ? SelfTest.full : SelfTest.full.cases(describedBy: cases)
    if common.dryRun {
      let plan = CheckPlan(cases: check ? test.cases.map(\.description) : [])
      return try common.emit(plan) { plan.cases.joined(separator: "\n") }
    }
    let list = try DeviceList()
    var report = DeviceReport(
      devices: list.devices, automatic: list.ranked.first.map { "\($0.index)" } ?? "reference",
      reason: Self.reason(list),
      integerTiers: list.devices.filter { $0.problem == nil }.map(Self.integerTier), checks: nil)
    if check {
      report.checks = list.devices.filter { $0.problem == nil }.map {
        check($0, test)
      }
    }
    try common.emit(report) { report.text }
    if let failed = report.checks?.first(where: { !$0.failures.isEmpty }) {
      throw DeviceSelectionError("device \(failed.device) fails its self-test")
    }
  }

  /// The instructions of integer products on a device; opening it may fail.
  private static func integerTier(_ listed: ListedDevice) -> DeviceTier {
    do {
      let tier = try OpenCLBackend(listed.device).integerTier
      return DeviceTier(device: listed.index, kind: tier.kind.rawValue, reason: tier.reason)
    } catch {
      return DeviceTier(device: listed.index, kind: nil, reason: "\(error)")
    }
  }

  private func check(_ listed: ListedDevice, _ test: SelfTest) -> DeviceCheck {
    Console.shared.note("checking \(listed.index) '\(listed.name)'")
    do {
      let backend = try OpenCLBackend(listed.device, assuming: form?.type)
      let (passed, failures) = try test.run(on: backend)
      return DeviceCheck(
        device: listed.index, passed: passed, failures: failures,
        onTheReference: backend.hostOperations)
    } catch {
      return DeviceCheck(
        device: listed.index, passed: 0, failures: ["\(error)"], onTheReference: [:])
    }
  }

  private static func reason(_ list: DeviceList) -> String {
    guard let best = list.ranked.first else {
      return list.reason ?? "no OpenCL device can be used"
    }
    let others = list.ranked.count - 1
    let size = "\(best.computeUnits) compute units"
    return others == 0
      ? "the only usable OpenCL device"
      : "a \(best.type) with \(size), before \(others) other\(others == 1 ? "" : "s"); order: kind, "
        + "compute units times clock, place in the list"
  }
}

/// A form that kernels exist in.
enum KernelForm: String, ExpressibleByArgument, Codable {
  case cpu, gpu

  var type: DeviceType { self == .cpu ? .cpu : .gpu }
}

/// What `--check` would run.
private struct CheckPlan: Encodable {
  var cases: [String]
}

/// How a device multiplies integers.
private struct DeviceTier: Encodable {
  var device: Int
  /// As `IntegerTier.Kind` calls it; missing where the device cannot be opened.
  var kind: String?
  var reason: String
}

private struct DeviceCheck: Encodable {
  var device: Int
  var passed: Int
  var failures: [String]
  /// Operations that the reference ran because the device has no kernel for them, and how often.
  var onTheReference: [String: Int]
}

private struct DeviceReport: Encodable {
  var devices: [ListedDevice]
  /// What `--device auto` takes: an index or `reference`.
  var automatic: String
  var reason: String
  var integerTiers: [DeviceTier]
  var checks: [DeviceCheck]?

  var text: String {
    var table = TextTable(
      ["", "device", "platform", "kind", "units", "memory", "version"], rightAligned: [4, 5])
    for device in devices {
      table.add([
        mark("\(device.index)"), device.name, device.platform, device.type,
        "\(device.computeUnits)", formatted(bytes: device.globalMemorySize),
        device.problem.map { "cannot be used: \($0)" } ?? device.version,
      ])
    }
    table.add([mark("reference"), "the CPU reference", "LowBit", "cpu", "", "", ""])
    var lines = [table.text, "", "* auto takes \(automatic): \(reason)"]
    lines += integerTiers.map {
      "device \($0.device): integer products by \($0.kind ?? "none"): \($0.reason)"
    }
    for check in checks ?? [] {
      let total = check.passed + check.failures.count
      lines.append("device \(check.device): \(check.passed) of \(total) cases equal the reference")
      lines += check.failures.map { "  differs: \($0)" }
      let host = check.onTheReference.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
      if !host.isEmpty { lines.append("  run by the reference: \(host.joined(separator: ", "))") }
    }
    return lines.joined(separator: "\n")
  }

  private func mark(_ index: String) -> String { "\(index)\(index == automatic ? " *" : "")" }
}
