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
    /// `vpdpbusd` of AVX-VNNI: products of 32 bytes at once.
    case avxVNNI = "AVX-VNNI"
    /// `vpmaddubsw` and `vpmaddwd` of AVX2: sums of products of bytes in 16 bits for as long as weights
    /// and codes let them fit, else products of 16 bits.
    case avx2 = "AVX2"
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

  var products: PackedProducts {
    switch kind {
    case .vnni: PackedProducts(.vnni)
    case .avxVNNI: PackedProducts(.avxVNNI)
    case .avx2: PackedProducts(.avx2Bytes)
    default: PackedProducts(.plain)
    }
  }
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

  /// The tiers that the processor has the instructions for, under a driver that is known to run on it
  /// and to keep them as they are, the best first; of devices that are none only the one found.
  public var possibleIntegerTiers: [IntegerTier.Kind] {
    guard facts.isCPU else { return [integerTier.kind] }
    return IntegerTier.ofProcessors.filter { reasonAgainst($0) == nil }.map(\.kind) + [.plain]
  }

  fileprivate func findIntegerTier() -> IntegerTier {
    guard facts.isCPU else { return findTileTier() }
    var reasons: [String] = []
    for candidate in IntegerTier.ofProcessors {
      if let reason = reasonAgainst(candidate) {
        if reasons.last != reason { reasons.append(reason) }
        continue
      }
      let name = candidate.instructions
      do {
        if try productsAgree(candidate.kind) {
          reasons.append("the processor has \(name), and results are those of plain C")
          return IntegerTier(kind: candidate.kind, reason: reasons.joined(separator: "; "))
        }
        reasons.append("\(name) gives other results than plain C")
      } catch {
        reasons.append("\(name) does not work: \(error)")
      }
    }
    return IntegerTier(kind: .plain, reason: reasons.joined(separator: "; "))
  }

  /// Why a tier is not even tried: an instruction that is not there would end the process.
  private func reasonAgainst(_ candidate: IntegerTier.OfProcessors) -> String? {
    // Drivers whose compilers keep x86 assembly as it is, and that run on this machine's processor.
    let drivers = ["Portable Computing Language", "Intel(R) OpenCL"]
    guard drivers.contains(facts.platform), !facts.name.contains("remote") else {
      return "not known to run this machine's instructions: \(facts.platform)"
    }
    let flags = ProcessorFlags.ofThisMachine
    let missing = candidate.flags.filter { !flags.contains($0) }
    return missing.isEmpty ? nil : "the processor lacks \(missing.joined(separator: ", "))"
  }

  /// Whether products give the sums of plain C: of codes and weights at both ends of their ranges, and
  /// of weights so small that sums of 16 bits take some of them.
  private func productsAgree(_ kind: IntegerTier.Kind) throws -> Bool {
    let channels = 37, filters = 41
    let codes = (0..<channels * 5 * 11).map { UInt8(truncatingIfNeeded: $0 * $0 + ($0 >> 3) * 85) }
    let x = try packCodes(
      upload(Tensor(codes, shape: [1, channels, 5, 11])), zeroPoint: 3, bits: 8)
    let convolution = Convolution(
      window: Window(kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1]))
    for largest in kind == .avx2 ? [128, 8] : [128] {
      let weights = (0..<filters * channels * 9).map {
        $0 % 7 == 0 ? Int8(-largest) : Int8(($0 * 31 + $0 / 9) % (2 * largest) - largest)
      }
      let factors = CodedWeights(
        try upload(Tensor(weights, shape: [filters, channels, 3, 3])), zeroPoint: nil)
      guard let problem = PackedProblem(convolution, x: x, weights: factors.shape) else {
        return false
      }
      func sums(_ products: PackedProducts) throws -> Tensor {
        try download(
          convolveBytes(
            x, weights: factors, problem, nil, by: products,
            operation: "self-test of integer products"))
      }
      let tier = IntegerTier(kind: kind, reason: "")
      guard try sums(tier.products) == sums(PackedProducts(.plain)) else { return false }
    }
    return true
  }
}

extension IntegerTier {
  /// A tier of x86-64's processors, and the flags that Linux lists where they have it.
  fileprivate struct OfProcessors {
    var kind: Kind
    var instructions: String
    var flags: [String]
  }

  /// The best first.
  fileprivate static let ofProcessors = [
    OfProcessors(
      kind: .vnni, instructions: "vpdpbusd of AVX-512", flags: ["avx512f", "avx512_vnni"]),
    OfProcessors(
      kind: .avxVNNI, instructions: "vpdpbusd of AVX-VNNI", flags: ["avx2", "avx_vnni"]),
    OfProcessors(kind: .avx2, instructions: "vpmaddubsw of AVX2", flags: ["avx2"]),
  ]
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
