import OpenCLHost
import Testing

@Suite(.needsDevice) struct ProgramTests {
  static let axpy = """
    __kernel void axpy(float a, __global const float *x, __global float *y) {
      y[get_global_id(0)] = fma(a, x[get_global_id(0)], y[get_global_id(0)]);
    }
    """

  static func checkAxpy(_ program: Program, _ queue: Queue) throws {
    let count = 1024
    let x = try Buffer(queue, (0..<count).map(Float.init))
    let y = try Buffer(queue, [Float](repeating: 1, count: count))
    let kernel = try Kernel(program, "axpy")
    #expect(kernel.argumentCount == 3)
    try kernel.run(on: queue, global: [count], Float(2), x, y)
    let expected: [Float] = (0..<count).map { Float(2 * $0 + 1) }
    #expect(try y.read(Float.self, queue) == expected)
  }

  @Test(arguments: devices) func kernelsTakeArguments(_ device: Device) throws {
    let context = try Context(device)
    try Self.checkAxpy(Program(context, source: Self.axpy), Queue(context))
  }

  @Test(arguments: devices) func vectorsAndLocalMemoryAreArguments(_ device: Device) throws {
    let context = try Context(device)
    let queue = try Queue(context)
    let program = try Program(
      context,
      source: """
        __kernel void sum(int4 v, __local int *shared, __global int *result) {
          int i = get_local_id(0);
          shared[i] = i;
          barrier(CLK_LOCAL_MEM_FENCE);
          if (i == 0) {
            int sum = 0;
            for (int k = 0; k < 8; k++) sum += shared[k];
            *result = sum + v.x + 10 * v.y + 100 * v.z + 1000 * v.w;
          }
        }
        """)
    let result = try Buffer(context, byteCount: 4)
    try Kernel(program, "sum").run(
      on: queue, global: [8], local: [8], SIMD4<Int32>(1, 2, 3, 4), LocalMemory(byteCount: 32),
      result)
    #expect(try result.read(Int32.self, queue) == [28 + 4321])
  }

  @Test(arguments: devices) func buildErrorsCarryTheLog(_ device: Device) throws {
    let context = try Context(device)
    let source = "#line 7 \"conv/conv2d.cl\"\n__kernel void f() { undeclared_name = 1; }\n"
    let error = try #require(throws: OpenCLError.self) {
      _ = try Program(context, source: source)
    }
    #expect(error.function.description == "clBuildProgram")
    #expect(try #require(error.log).contains("undeclared_name"))
  }

  @Test(arguments: devices) func missingKernelsAreErrors(_ device: Device) throws {
    let program = try Program(Context(device), source: Self.axpy)
    let error = try #require(throws: OpenCLError.self) { _ = try Kernel(program, "nothing") }
    #expect(error.name == "CL_INVALID_KERNEL_NAME")
  }

  @Test(arguments: devices) func mappingsShowAndChangeBuffers(_ device: Device) throws {
    let context = try Context(device)
    let queue = try Queue(context)
    let buffer = try Buffer(queue, [Int32](0..<100))
    do {
      let mapping = try Mapping(buffer, for: .readAndWrite, queue)
      let values = mapping.bytes.bindMemory(to: Int32.self)
      #expect(Array(values) == Array(0..<100))
      values[17] = -1
      try mapping.unmap()
    }
    #expect(try buffer.read(Int32.self, queue)[16...18] == [16, -1, 18])
    try buffer.fill(Int32(5), count: 50, queue)
    #expect(try buffer.read(Int32.self, queue)[49...50] == [5, 50])
  }

  @Test(arguments: devices) func eventsKnowTheirTime(_ device: Device) throws {
    let context = try Context(device)
    let queue = try Queue(context, profiling: true)
    let buffer = try Buffer(queue, [Float](repeating: 0, count: 1 << 16))
    let kernel = try Kernel(Program(context, source: Self.axpy), "axpy")
    let event = try kernel.event(on: queue, global: [1 << 16], Float(1), buffer, buffer)
    #expect(try event.nanoseconds() < 60_000_000_000)
    #expect(try event.isComplete)
  }

  /// Kernels are made per task; everything else is shared.
  @Test(arguments: devices) func tasksShareAQueue(_ device: Device) async throws {
    let context = try Context(device)
    let queue = try Queue(context)
    let program = try Program(context, source: Self.axpy)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<16 { group.addTask { try Self.checkAxpy(program, queue) } }
      try await group.waitForAll()
    }
  }

  /// In a process of its own, because the counts are the whole process's.
  @Test func everyHandleIsReleased() async {
    await #expect(processExitsWith: .success) {
      let before = LiveHandles.now
      for device in devices {
        let context = try Context(device)
        let queue = try Queue(context, profiling: true)
        let program = try Program(context, source: ProgramTests.axpy)
        let buffer = try Buffer(queue, [Float](repeating: 0, count: 64))
        let kernel = try Kernel(program, "axpy")
        let event = try kernel.event(on: queue, global: [64], Float(1), buffer, buffer)
        let mapping = try Mapping(buffer, for: .read, queue)
        _ = try? Kernel(program, "nothing")
        _ = try? Program(context, source: "nonsense")
        precondition(LiveHandles.now != before, "nothing is counted")
        try event.wait()
        try mapping.unmap()
      }
      precondition(LiveHandles.now == before, "left: \(LiveHandles.now)")
    }
  }
}
