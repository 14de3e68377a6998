internal import Files
import Glibc
public import OpenCLHost

/// A ``Tuning`` of one device and driver in a file, as JSON.
public struct TuningFile: Sendable {
  /// Where the file is.
  public let path: String
  /// The device that it is of.
  public let identity: Identity

  /// What must be the same for findings to hold.
  public struct Identity: Sendable, Hashable {
    /// The platform's name.
    public let platform: String
    /// The device's name.
    public let device: String
    /// The driver's version.
    public let driver: String
    /// Parallel compute units.
    public let computeUnits: Int

    /// A device's.
    public init(_ device: Device) throws(OpenCLError) {
      platform = try device.platform.name
      self.device = try device[.name]
      driver = try device[.driverVersion]
      computeUnits = try device[.computeUnits]
    }
  }

  /// The file for a device: `path`, else `LOWBIT_TUNING`, else one of its name in the folder `tuning` of
  /// the cache (see `BinaryCache.standardRoot`).
  ///
  /// - Returns: `nil` where files are not wanted, which `none` in either place says, and where there is
  ///   no folder for them.
  public init?(_ device: Device, path: String? = nil) throws(OpenCLError) {
    identity = try Identity(device)
    let wish = path ?? getenv("LOWBIT_TUNING").map { String(cString: $0) } ?? ""
    guard wish != "none" else { return nil }
    if !wish.isEmpty {
      self.path = wish
    } else if let root = BinaryCache.standardRoot {
      self.path = "\(root)/tuning/\(identity.fileName).json"
    } else {
      return nil
    }
  }

  init(path: String, _ identity: Identity) {
    self.path = path
    self.identity = identity
  }

  /// Whether there is such a file.
  public var exists: Bool { access(path, F_OK) == 0 }

  /// What the file says.
  ///
  /// - Throws: ``TuningError`` naming the file when it cannot be read, is damaged, or is of another
  ///   device, driver or version of this program.
  public func read(for facts: DeviceFacts) throws(TuningError) -> Tuning {
    let bytes: [UInt8]
    do {
      bytes = try WholeFile.read(path, limit: 1 << 20)
    } catch {
      throw TuningError(error.description)
    }
    guard case .object(let fields)? = PlainJSON(bytes) else { throw damaged("is no JSON object") }
    guard fields["format"] == .string(Self.format) else {
      throw damaged("is not of the format '\(Self.format)'")
    }
    for (name, own) in identity.fields where fields[name] != own {
      throw damaged("is of another \(name): \(fields[name]?.description ?? "none"), not \(own)")
    }
    guard case .object(let parameters)? = fields["parameters"] else {
      throw damaged("has no parameters")
    }
    var tuning = Tuning()
    for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
      guard let parameter = TunableParameter.named(name) else {
        throw damaged("has the parameter '\(name)', which is not known here")
      }
      guard let numbers = value.numbers, parameter.candidates(on: facts).contains(numbers) else {
        throw damaged("has \(value) for '\(name)', which this device does not take")
      }
      tuning[parameter] = numbers
    }
    return tuning
  }

  private func damaged(_ reason: String) -> TuningError { TuningError("\(path): \(reason)") }

  /// The text of the file for `tuning`.
  public func text(_ tuning: Tuning) -> String {
    let findings = tuning.findings.map { finding in
      "    \(PlainJSON.string(finding.name)): \(PlainJSON.list(finding.numbers.map { .number($0) }))"
    }
    let lines =
      ["  \"format\": \"\(Self.format)\""] + identity.fields.map { "  \"\($0)\": \($1)" }
      + ["  \"parameters\": {\n" + findings.joined(separator: ",\n") + "\n  }"]
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }

  private static let format = "lowbit tuning 1"
}

extension TuningFile.Identity {
  fileprivate var fields: [(String, PlainJSON)] {
    [
      ("platform", .string(platform)), ("device", .string(device)), ("driver", .string(driver)),
      ("computeUnits", .number(computeUnits)),
    ]
  }

  /// Letters, digits and hyphens, and a hash for what they leave out.
  fileprivate var fileName: String {
    let whole = "\(platform) \(device) \(driver) \(computeUnits)"
    var hash: UInt32 = 0x811c_9dc5  // FNV-1a
    for byte in whole.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    let words = whole.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
    return words.joined(separator: "-").prefix(80) + "-" + String(hash, radix: 16)
  }
}

/// Why findings are not used.
public struct TuningError: Error, Sendable, CustomStringConvertible {
  /// Names the file and what is wrong with it.
  public let description: String

  init(_ description: String) { self.description = description }
}
