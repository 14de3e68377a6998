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
  /// Billions of bytes that the device reads in a second from memory beyond its caches: the median of
  /// five readings before anything else was timed.
  private(set) var bandwidth = 0.0

  /// Floats that no cache holds.
  private static let farFloats = 64 << 20

  init(_ backend: OpenCLBackend) throws {
    self.backend = backend
    let facts = backend.facts
    groups = facts.isCPU ? [1] : backend.workGroup([256])
    items = facts.computeUnits * (facts.isCPU ? 4 : 16) * groups[0]
    rounds = facts.isCPU ? 1 << 17 : 1 << 13
    results = try backend.makeValue(.float32, [items, 16])
    let far = try backend.upload(Tensor(repeating: Float(1), shape: [Self.farFloats]))
    _ = try read(far)
    let times = try (0..<5).map { _ in try read(far) }
    bandwidth = 4e-9 * Double(Self.farFloats) / BenchmarkResult.median(of: times)
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

  /// A way to measure what a device can do at most, and what it is called.
  struct Ceiling {
    let name: String
    /// Billions of multiplications with addition a second.
    let measure: () throws -> Double
  }

  /// Multiplications and additions of floats.
  var floats: Ceiling { Ceiling(name: "float fma", measure: multiplyAdd) }

  /// Products of 8-bit codes where the device has an instruction for them, else of floats.
  var codes: Ceiling {
    guard backend.integerTier.kind == .vnni else { return floats }
    return Ceiling(name: "vpdpbusd", measure: multiplyCodes)
  }

  /// As in `bench/products_vnni.cl`.
  private static let productChains = 24, productLanes = 64

  private func multiplyCodes() throws -> Double {
    let time = try seconds {
      try backend.launch(
        DeviceKernel("bench/products_vnni.cl", "multiply_codes"), global: [items], local: groups,
        results, UInt32(rounds))
      try backend.finish()
    }
    let products = rounds * Self.productChains * Self.productLanes
    return Double(items) * Double(products) * 1e-9 / time
  }

  private func multiplyAdd() throws -> Double {
    let time = try seconds {
      try backend.launch(
        DeviceKernel("bench/ceilings.cl", "multiply_add"), global: [items], local: groups, results,
        Float(0.999), Float(0.5), UInt32(rounds))
      try backend.finish()
    }
    return Double(items) * Double(rounds * chains * lanes) * 1e-9 / time
  }
}
