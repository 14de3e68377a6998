import OpenCLHost
import Testing

@Suite struct DeviceTests {
  @Test func aMissingLibraryHasAReason() {
    #expect((Library.shared == nil) == (Library.unavailable != nil))
  }

  @Test(.needsDevice, arguments: devices)
  func limitsAreSensible(_ device: Device) throws {
    #expect(try !device[.name].isEmpty)
    #expect(try !device[.driverVersion].isEmpty)
    #expect(try device[.openCLCVersion].hasPrefix("OpenCL C "))
    #expect(try device[.computeUnits] >= 1)
    #expect(try device[.maxWorkGroupSize] >= 1)
    #expect(try device[.maxWorkItemSizes].count >= 3)
    #expect(try device[.localMemorySize] >= 16 << 10)
    #expect(try device[.maxAllocationSize] <= device[.globalMemorySize])
    #expect(try device[.baseAlignment] >= 1)
    #expect(try device[.extensions].allSatisfy { $0.hasPrefix("cl_") })
    #expect(try device[.hasCompiler])
    #expect(try device[.roundsToNearest])
    #expect(try device.platform.version.hasPrefix("OpenCL "))
    #expect(try device.platform.devices().contains(device))
  }

  @Test func errorsNameTheirStatus() {
    let error = OpenCLError(status: -5, function: "clFinish")
    #expect("\(error)" == "clFinish failed: CL_OUT_OF_RESOURCES")
    #expect(error.isOutOfMemory)
    #expect(error == OpenCLError(status: -5, function: "clFlush"))
    let unknown = OpenCLError(status: -12345, function: "clFinish", log: "line 1")
    #expect("\(unknown)" == "clFinish failed: status -12345:\nline 1")
  }
}
