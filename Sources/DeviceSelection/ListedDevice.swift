public import OpenCLHost

/// An OpenCL device and what is known about it before it is opened.
public struct ListedDevice: Encodable, Sendable {
  /// Place in the list; ``DeviceChoice`` takes it.
  public let index: Int
  /// The device's name.
  public let name: String
  /// The platform's name.
  public let platform: String
  /// The version of OpenCL that the device implements.
  public let version: String
  /// The version of the driver.
  public let driver: String
  /// `cpu`, `gpu`, `accelerator` or `other`.
  public let type: String
  /// Parallel compute units.
  public let computeUnits: Int
  /// In MHz; 0 where the driver does not know.
  public let clockFrequency: Int
  /// Bytes of global memory.
  public let globalMemorySize: Int
  /// Bytes of local memory of a work-group.
  public let localMemorySize: Int
  /// Why it cannot be used; `nil` for a usable device.
  public let problem: String?

  /// The device.
  public let device: Device

  enum CodingKeys: String, CodingKey {
    case index, name, platform, version, driver, type, computeUnits, clockFrequency
    case globalMemorySize, localMemorySize, problem
  }

  init(index: Int, _ device: Device) throws(OpenCLError) {
    self.index = index
    self.device = device
    name = try device[.name]
    platform = try device.platform.name
    version = try device[.version]
    driver = try device[.driverVersion]
    type = try device[.type].rawValue
    computeUnits = try device[.computeUnits]
    clockFrequency = try device[.clockFrequency]
    globalMemorySize = try device[.globalMemorySize]
    localMemorySize = try device[.localMemorySize]
    problem =
      try !device[.isAvailable]
      ? "not available"
      : try !device[.hasCompiler]
        ? "its driver has no compiler"
        : try !device[.isLittleEndian]
          ? "stores the highest byte first"
          : try !device[.roundsToNearest]
            ? "does not round to the nearest"
            : Self.knownProblem(platform: platform, name: name, driver: driver)
  }

  /// What is known of drivers, said before anything is compiled for them.
  ///
  /// llvmpipe of Mesa 22.3.6 passes every device test, but leaves the loops of a work-item after 65535
  /// rounds in all, so that long reductions and large searches would silently be wrong. It also calls
  /// the destructor callback of a buffer over host memory while a queued kernel still reads it. Later
  /// versions are judged by the self-test, which has a long loop.
  private static func knownProblem(platform: String, name: String, driver: String) -> String? {
    guard platform == "rusticl", name.hasPrefix("llvmpipe"),
      let major = driver.split(separator: ".").first.flatMap({ Int($0) }), major < 23
    else { return nil }
    return "llvmpipe of Mesa \(driver) leaves loops after 65535 rounds"
  }

  /// Graphics processors first, then accelerators, then processors; more compute units times clock
  /// within a kind; the loader's order among equals.
  func isBetter(than other: ListedDevice) -> Bool {
    func rank(_ device: ListedDevice) -> (Int, Int, Int) {
      let kind = ["gpu": 3, "accelerator": 2, "cpu": 1][device.type] ?? 0
      return (kind, device.computeUnits * max(device.clockFrequency, 1), -device.index)
    }
    return rank(self) > rank(other)
  }
}

/// The OpenCL devices of this machine.
public struct DeviceList: Sendable {
  /// All of them, in the loader's order.
  public let devices: [ListedDevice]
  /// Why there are none.
  public let reason: String?

  /// Asks every platform for its devices.
  ///
  /// - Throws: `OpenCLError` when a driver does not answer.
  public init() throws(OpenCLError) {
    guard Library.shared != nil else {
      devices = []
      reason = "no OpenCL library: \(Library.unavailable ?? "not found")"
      return
    }
    var listed: [ListedDevice] = []
    for device in try Device.all() { listed.append(try ListedDevice(index: listed.count, device)) }
    devices = listed
    reason =
      !listed.isEmpty
      ? nil : try Platform.all().isEmpty ? "no OpenCL platform" : "no OpenCL device"
  }

  /// Usable devices, the best first.
  public var ranked: [ListedDevice] {
    devices.filter { $0.problem == nil }.sorted { $0.isBetter(than: $1) }
  }

  /// The device of an index, a name, or a part of a name that no other device has.
  ///
  /// - Throws: ``DeviceSelectionError`` when there is none, or one that cannot be used.
  public func device(named wanted: String) throws(DeviceSelectionError) -> ListedDevice {
    let found: [ListedDevice]
    if let index = Int(wanted) {
      found = devices.filter { $0.index == index }
    } else {
      let exact = devices.filter { $0.name == wanted }
      let key = wanted.lowercased()
      found =
        exact.isEmpty
        ? devices.filter { "\($0.platform) \($0.name)".lowercased().contains(key) } : exact
    }
    guard let device = found.first else {
      let names = devices.map { "\($0.index) '\($0.name)'" }.joined(separator: ", ")
      throw DeviceSelectionError(
        "there is no device '\(wanted)'; "
          + (reason.map { "there is \($0), only 'reference'" }
            ?? "there are \(names) and 'reference'"))
    }
    guard found.count == 1 else {
      let names = found.map { "\($0.index) '\($0.name)' of \($0.platform)" }
      throw DeviceSelectionError(
        "'\(wanted)' names \(found.count) devices: \(names.joined(separator: ", ")); give the index"
      )
    }
    if let problem = device.problem {
      throw DeviceSelectionError(
        "device \(device.index) '\(device.name)' cannot be used: \(problem)")
    }
    return device
  }
}

/// No device is what was asked for, or it fails its self-test.
public struct DeviceSelectionError: Error, Sendable, CustomStringConvertible {
  /// The message.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}
