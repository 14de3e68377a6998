/// What multiplies pixels with blocks of filters on processors.
struct PackedProducts: Hashable, Sendable {
  /// The instructions that products are made of.
  enum Instructions: Hashable, Sendable {
    /// `multiply_vnni.cl`: four products of bytes are added to 32 bits.
    case vnni
    /// `multiply_avx2.cl`: the same in vectors of 256 bits.
    case avxVNNI
    /// `multiply_avx2.cl`: two products of bytes are added to 16 bits, which are emptied in time.
    case avx2Bytes
    /// `multiply_avx2.cl`: two products of 16 bits are added to 32.
    case avx2Wide
    /// `multiply_plain.cl`: what the compiler makes of OpenCL C.
    case plain
  }

  var instructions: Instructions
  /// Whether products are those of `winograd.cl`, at 16 positions.
  var isWinograd = false

  init(_ instructions: Instructions, isWinograd: Bool = false) {
    self.instructions = instructions
    self.isWinograd = isWinograd
  }

  /// What takes weights, or sums, that do not fit.
  var next: PackedProducts? {
    if isWinograd { return PackedProducts(instructions) }
    switch instructions {
    case .vnni, .avxVNNI, .avx2Bytes: return PackedProducts(.avx2Wide)
    case .avx2Wide, .plain: return nil
    }
  }

  /// The fewest words after which sums of 16 bits may have to be emptied; with fewer, products of 16
  /// bits are faster (Decision 0007).
  var shortestRun: Int { instructions == .avx2Bytes ? 2 : 1 }

  /// Places that a tile can have.
  var tileSizes: [Int] { instructions == .vnni ? [14, 12, 10, 8] : [12] }

  /// Whether factors are bytes.
  var hasBytes: Bool {
    switch instructions {
    case .vnni, .avxVNNI, .avx2Bytes: true
    case .avx2Wide, .plain: false
    }
  }

  var factorType: String { hasBytes ? "char" : "short" }

  var factorBytes: Int { hasBytes ? 1 : 2 }

  /// `GROUP` of `weights.cl`.
  var group: Int { hasBytes ? 4 : instructions == .avx2Wide ? 2 : 1 }

  var file: String {
    switch instructions {
    case .vnni: "packed/multiply_vnni.cl"
    case .avxVNNI, .avx2Bytes, .avx2Wide: "packed/multiply_avx2.cl"
    case .plain: "packed/multiply_plain.cl"
    }
  }

  /// What that file is compiled with.
  var definitions: [String] {
    switch instructions {
    case .vnni, .plain: []
    case .avxVNNI: ["AVX_VNNI"]
    case .avx2Bytes: ["SUMS_16"]
    case .avx2Wide: ["WIDE_FACTORS"]
    }
  }
}
