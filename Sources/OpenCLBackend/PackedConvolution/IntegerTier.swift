import Glibc
import OpenCLHost
import Operations
import Synchronization
import Tensors

/// Which instructions convolutions of packed codes are made of, and why.
public struct IntegerTier: Sendable, Hashable, Encodable {
  /// The instructions.
  public enum Kind: String, Sendable, Hashable, Encodable, CaseIterable {
    /// `vpdpbusd` of AVX-512 VNNI: products of 64 bytes at once.
    case vnni
    /// What the driver's compiler makes of plain OpenCL C.
    case plain
    /// Work-groups in tiles, for devices of many threads, in OpenCL C 1.2.
    case tiles
    /// Tiles, by `cl_khr_integer_dot_product`.
    case integerDotProduct = "integer dot product"
    /// Tiles, by `dp4a` of NVIDIA's GPUs.
    case dp4a
    /// Tiles of warps, by `mma` of NVIDIA's tensor cores.
    case tensorCores = "tensor cores"
    /// Tiles, by AMD's products of signed bytes.
    case amdDot = "AMD dot product"
    /// Tiles, by AMD's products of unsigned by signed bytes.
    case amdMixedDot = "AMD mixed dot product"
    /// Tiles, by Arm's products of signed bytes.
    case armDot = "Arm dot product"
  }

  /// The instructions.
  public let kind: Kind
  /// Why these, for a reader.
  public let reason: String

  var products: PackedProducts { kind == .vnni ? .vnni : .plain }
}

/// The tier of a backend, found at first use.
final class IntegerTierChoice: Sendable {
  private let assumed: IntegerTier.Kind?
  private let known = Mutex<IntegerTier?>(nil)

  init(assuming assumed: IntegerTier.Kind?) { self.assumed = assumed }

  /// The tier; two threads may both look for it and find the same.
  func tier(of backend: OpenCLBackend) -> IntegerTier {
    if let tier = known.withLock({ $0 }) { return tier }
    let tier =
      assumed.map { IntegerTier(kind: $0, reason: "asked for") } ?? backend.findIntegerTier()
    known.withLock { $0 = tier }
    return tier
  }
}

extension OpenCLBackend {
  /// Which instructions convolutions of packed codes are made of: by what the processor has, whether
  /// the driver's compiler takes them, and whether they compute what plain OpenCL C does.
  public var integerTier: IntegerTier { integerTierChoice.tier(of: self) }

  fileprivate func findIntegerTier() -> IntegerTier {
    guard facts.isCPU else { return findTileTier() }
    if let reason = reasonAgainstVNNI() { return IntegerTier(kind: .plain, reason: reason) }
    do {
      return try productsAgree()
        ? IntegerTier(
          kind: .vnni, reason: "the processor has it, and its results are those of plain C")
        : IntegerTier(kind: .plain, reason: "vpdpbusd gives other results than plain C")
    } catch {
      return IntegerTier(kind: .plain, reason: "vpdpbusd does not work: \(error)")
    }
  }

  /// Why `vpdpbusd` is not even tried: an instruction that is not there would end the process.
  private func reasonAgainstVNNI() -> String? {
    // Drivers whose compilers keep x86 assembly as it is, and that run on this machine's processor.
    let drivers = ["Portable Computing Language", "Intel(R) OpenCL"]
    guard drivers.contains(facts.platform), !facts.name.contains("remote") else {
      return "not known to run this machine's instructions: \(facts.platform)"
    }
    let flags = ProcessorFlags.ofThisMachine
    let missing = ["avx512f", "avx512_vnni"].filter { !flags.contains($0) }
    return missing.isEmpty ? nil : "the processor lacks \(missing.joined(separator: ", "))"
  }

  /// Whether both products give the same sums of codes and weights at both ends of their ranges.
  private func productsAgree() throws -> Bool {
    let channels = 37, filters = 41
    let codes = (0..<channels * 5 * 11).map { UInt8(truncatingIfNeeded: $0 * $0 + ($0 >> 3) * 85) }
    let weights = (0..<filters * channels * 9).map {
      Int8(truncatingIfNeeded: $0 % 7 == 0 ? -128 : $0 * 31 + $0 / 9)
    }
    let x = try packCodes(
      upload(Tensor(codes, shape: [1, channels, 5, 11])), zeroPoint: 3, bits: 8)
    let factors = CodedWeights(
      try upload(Tensor(weights, shape: [filters, channels, 3, 3])), zeroPoint: nil)
    let convolution = Convolution(
      window: Window(kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1]))
    guard let problem = PackedProblem(convolution, x: x, weights: factors.shape) else {
      return false
    }
    func sums(_ products: PackedProducts) throws -> Tensor {
      try download(
        convolveBytes(
          x, weights: factors, problem, nil, by: products, operation: "self-test of vpdpbusd"))
    }
    return try sums(.vnni) == sums(.plain)
  }
}

/// What the processors of this machine can do, as the operating system says.
enum ProcessorFlags {
  /// The flags that all processors of `/proc/cpuinfo` have; none on other architectures than x86-64.
  static let ofThisMachine: Set<String> = {
    #if arch(x86_64)
      guard let file = fopen("/proc/cpuinfo", "re") else { return [] }
      defer { fclose(file) }
      var common: Set<String>?
      var line: UnsafeMutablePointer<CChar>?
      var capacity = 0
      defer { free(line) }
      while getline(&line, &capacity, file) >= 0, let line {
        let text = String(cString: line)
        guard text.hasPrefix("flags") else { continue }
        let flags = Set(
          text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" }).map(String.init))
        common = common?.intersection(flags) ?? flags
      }
      return common ?? []
    #else
      return []
    #endif
  }()
}
