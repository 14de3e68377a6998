import OpenCLHost
import Testing

/// The devices that tests run on: all that are there.
let devices: [Device] = (try? Device.all()) ?? []

extension Trait where Self == ConditionTrait {
  /// Skips a test on a machine without OpenCL.
  static var needsDevice: Self { .enabled(if: !devices.isEmpty, "no OpenCL device") }
}
