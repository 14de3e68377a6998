import OpenCLBackend
import Operations
import Tensors

/// What the device can do at most: `Kernels/bench/ceilings.cl`. Timed in the same rounds as what is
/// held against it, because other programs may slow both.
struct Ceilings {
  private let backend: OpenCLBackend
  private let groups: [Int]
  private let items: Int
  private let results: OpenCLBackend.Value
  private let rounds: Int

  init(_ backend: OpenCLBackend) throws {
    self.backend = backend
    let facts = backend.facts
    groups = facts.isCPU ? [1] : backend.workGroup([256])
    items = facts.computeUnits * (facts.isCPU ? 4 : 16) * groups[0]
    rounds = facts.isCPU ? 1 << 17 : 1 << 13
    results = try backend.makeValue(.float32, [items, 16])
  }

  /// Floats of a vector, and chains of multiplications, as in the kernels.
  private var lanes: Int { backend.facts.isCPU ? 16 : 4 }
  private var chains: Int { backend.facts.isCPU ? 12 : 8 }

  /// Seconds to read every element of `x` once.
  func read(_ x: OpenCLBackend.Value) throws -> Double {
    try seconds {
      try backend.launch(
        DeviceKernel("bench/ceilings.cl", "read_all"), global: [items], local: groups, x, results,
        UInt64(x.count / lanes))
      try backend.finish()
    }
  }

  /// Billions of multiplications with addition a second.
  func multiplyAdd() throws -> Double {
    let time = try seconds {
      try backend.launch(
        DeviceKernel("bench/ceilings.cl", "multiply_add"), global: [items], local: groups, results,
        Float(0.999), Float(0.5), UInt32(rounds))
      try backend.finish()
    }
    return Double(items) * Double(rounds * chains * lanes) * 1e-9 / time
  }
}
