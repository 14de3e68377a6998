import OpenCLBackend
import OpenCLHost
public import Operations

/// Where a job runs: a device by name, the reference, or the best that works.
///
///     let report = try DeviceChoice("auto").run { backend in try evaluate(model, on: backend) }
///
/// Every backend computes the same bits, so a job that was started on a device and finished on the
/// reference has the same result.
public struct DeviceChoice: Sendable, Hashable {
  /// What is asked for.
  public enum Wish: Sendable, Hashable {
    /// The best OpenCL device that passes a short self-test, else the reference.
    case automatic
    /// ``Operations/ReferenceBackend``.
    case reference
    /// The device of a name, a part of a name, or an index of ``DeviceList``.
    case named(String)
  }

  /// What is asked for.
  public var wish: Wish
  /// Bytes of a device's memory that may be taken; `nil` for what it has.
  public var memoryLimit: Int?
  /// The file of what was tuned on the device, or `none`; `nil` for the standard place (see
  /// `TuningFile`).
  public var tuning: String?

  /// A choice.
  public init(_ wish: Wish, memoryLimit: Int? = nil, tuning: String? = nil) {
    self.wish = wish
    self.memoryLimit = memoryLimit
    self.tuning = tuning
  }

  /// The choice that `text` names: `auto`, `reference`, or a device's name or index.
  public init(_ text: String, memoryLimit: Int? = nil, tuning: String? = nil) {
    let wish: Wish =
      switch text {
      case "auto": .automatic
      case "reference": .reference
      default: .named(text)
      }
    self.init(wish, memoryLimit: memoryLimit, tuning: tuning)
  }

  /// The backend that was asked for.
  ///
  /// - Parameter notify: told why another backend was taken than a user may expect.
  /// - Throws: ``DeviceSelectionError`` for a named device that is not there or fails its self-test,
  ///   `DeviceError` for one that does not work at all.
  public func open(notify: (DeviceNotice) -> Void = { _ in }) throws -> any Backend {
    switch wish {
    case .reference: return ReferenceBackend.shared
    case .automatic: return try openBest(notify)
    case .named(let name):
      let chosen = try DeviceList().device(named: name)
      let backend = try open(chosen.device, notify)
      if let failure = try Self.failure(of: backend) {
        throw DeviceSelectionError("device '\(chosen.name)' fails its self-test: \(failure)")
      }
      return backend
    }
  }

  /// Runs `body` on the backend. Where the device was not named and fails on the way, for example
  /// because its memory does not suffice, `body` runs again from its beginning on the reference.
  ///
  /// - Throws: what ``open(notify:)`` and `body` throw.
  public func run<Result>(
    notify: (DeviceNotice) -> Void = { _ in }, _ body: (any Backend) throws -> Result
  ) throws -> Result {
    let backend = try open(notify: notify)
    do {
      return try body(backend)
    } catch let error where wish == .automatic && (error is DeviceError || error is OpenCLError) {
      notify(DeviceNotice(.warning, "\(error); starting again on the reference"))
      return try body(ReferenceBackend.shared)
    }
  }

  private func open(_ device: Device, _ notify: (DeviceNotice) -> Void) throws -> OpenCLBackend {
    try OpenCLBackend(device, memoryLimit: memoryLimit, tuning: findings(for: device, notify))
  }

  /// What was tuned on `device`. Results do not depend on it, so a file that cannot be used is a
  /// warning.
  private func findings(
    for device: Device, _ notify: (DeviceNotice) -> Void
  ) throws -> Tuning {
    guard let file = try TuningFile(device, path: tuning) else { return Tuning() }
    guard file.exists else {
      if tuning != nil {
        notify(DeviceNotice(.warning, "\(file.path): there is no such file; nothing is tuned"))
      }
      return Tuning()
    }
    let facts = try DeviceFacts(device)
    do throws(TuningError) {
      let found = try file.read(for: facts)
      notify(DeviceNotice(.detail, "tuning: \(file.path)"))
      return found
    } catch {
      notify(DeviceNotice(.warning, "\(error); kernels keep their standard parameters"))
      return Tuning()
    }
  }

  private static func failure(of backend: OpenCLBackend) throws -> String? {
    try SelfTest.short(keepsDenormals: backend.facts.keepsDenormals).failure(of: backend)
  }

  private func openBest(_ notify: (DeviceNotice) -> Void) throws -> any Backend {
    let list: DeviceList
    do throws(OpenCLError) {
      list = try DeviceList()
    } catch {
      notify(DeviceNotice(.warning, "OpenCL does not answer (\(error)); using the reference"))
      return ReferenceBackend.shared
    }
    if let reason = list.reason {
      notify(DeviceNotice(.note, "device: the reference, because there is \(reason)"))
      return ReferenceBackend.shared
    }
    for candidate in list.ranked {
      do {
        let backend = try open(candidate.device, notify)
        guard let failure = try Self.failure(of: backend) else {
          notify(
            DeviceNotice(
              .detail, "device: \(candidate.index) '\(candidate.name)' of \(candidate.platform)"))
          return backend
        }
        notify(
          DeviceNotice(
            .warning, "device '\(candidate.name)' fails its self-test (\(failure)); not used"))
      } catch let error where error is DeviceError || error is OpenCLError {
        notify(DeviceNotice(.warning, "\(error); not used"))
      }
    }
    notify(DeviceNotice(.warning, "no OpenCL device works; using the reference"))
    return ReferenceBackend.shared
  }
}

/// What a choice of device has to say to a user.
public struct DeviceNotice: Sendable, Hashable {
  /// How much it matters.
  public enum Level: Sendable, Hashable {
    /// Everything is as expected.
    case detail
    /// There is no device to choose.
    case note
    /// A device is there and does not work.
    case warning
  }

  /// How much it matters.
  public let level: Level
  /// The text, a sentence without a full stop.
  public let text: String

  /// Makes a notice.
  public init(_ level: Level, _ text: String) {
    self.level = level
    self.text = text
  }
}
