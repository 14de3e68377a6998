import OpenCLHost
import Operations
import Tensors

extension IntegerTier.Kind {
  /// The instruction that tiles multiply bytes by; `nil` where it is not theirs.
  var dot: TileDot? {
    switch self {
    case .tiles: .portable
    case .integerDotProduct: .khronos
    case .dp4a, .tensorCores: .nvidia
    case .amdDot: .amd
    case .amdMixedDot: .amdMixed
    case .armDot: .arm
    case .vnni, .avxVNNI, .avx2, .plain: nil
    }
  }
}

extension OpenCLBackend {
  /// The best tier for many threads that the device says it has, whose kernel its compiler takes and
  /// whose results are those of the portable one.
  func findTileTier() -> IntegerTier {
    guard let parameters = TileParameters.standard(for: facts) else {
      return IntegerTier(
        kind: .tiles, reason: "work-groups or local memory are too small: the reference computes")
    }
    let portable = TilePlan(kernel: .items(parameters, .portable), mayBeBitwise: false)
    var reasons: [String] = []
    for (kind, reason) in tileCandidates {
      guard let plan = tilePlan(kind, parameters) else { continue }
      do {
        if try tilesAgree(plan, portable) {
          reasons.append("\(reason), and the results are those of portable tiles")
          return IntegerTier(kind: kind, reason: reasons.joined(separator: "; "))
        }
        reasons.append("\(kind.rawValue) gives other results than portable tiles")
      } catch {
        // The compiler's first line says enough.
        let text = "\(error)".split(separator: "\n").first ?? ""
        reasons.append("\(kind.rawValue) does not work: \(text)")
      }
    }
    reasons.append("OpenCL C 1.2 runs everywhere")
    return IntegerTier(kind: .tiles, reason: reasons.joined(separator: "; "))
  }

  /// What to try, the best first, and why. Some drivers crash on assembly that is not theirs, and
  /// others accept it until it runs, so that a build alone proves nothing.
  private var tileCandidates: [(IntegerTier.Kind, String)] {
    if let capability = facts.computeCapability {
      let reason = "compute capability \(capability / 10).\(capability % 10)"
      return (capability >= 80 ? [(.tensorCores, reason)] : [])
        + (capability >= 61 ? [(.dp4a, reason)] : [])
    }
    if facts.extensions.contains("cl_khr_integer_dot_product") {
      return [(.integerDotProduct, "the device has cl_khr_integer_dot_product")]
    }
    if facts.extensions.contains("cl_arm_integer_dot_product_accumulate_int8") {
      return [(.armDot, "the device has cl_arm_integer_dot_product_accumulate_int8")]
    }
    if facts.platform == "AMD Accelerated Parallel Processing" {
      let chip = String(facts.name.prefix { $0 != ":" })
      if ["gfx11", "gfx12"].contains(where: chip.hasPrefix) {
        return [(.amdMixedDot, "\(chip) has v_dot4_i32_iu8")]
      }
      if ["gfx906", "gfx908", "gfx90a", "gfx94", "gfx103"].contains(where: chip.hasPrefix) {
        return [(.amdDot, "\(chip) has v_dot4_i32_i8")]
      }
    }
    return []
  }

  private func tilePlan(_ kind: IntegerTier.Kind, _ parameters: TileParameters) -> TilePlan? {
    if kind == .tensorCores {
      return TilePlan(kernel: .warps(isEmulated: false), mayBeBitwise: true)
    }
    // Counting bits takes NVIDIA's threads four times as long as a product of bytes.
    return kind.dot.map {
      TilePlan(kernel: .items(parameters, $0), mayBeBitwise: $0 != .nvidia)
    }
  }

  /// How the device convolves in tiles; `nil` if it does not, or elements are too many for 32 bits.
  func tilePlan(
    for x: PackedCodes<Value>, _ weights: CodedWeights<Value>, _ convolution: Convolution
  ) -> TilePlan? {
    guard !facts.isCPU, let parameters = TileParameters.standard(for: facts) else { return nil }
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    let outputs = geometry.output.product * geometry.batch * geometry.groups * geometry.filters
    // A tile beyond the last element is still counted.
    let limit = Int(Int32.max) - (1 << 20)
    guard max(outputs, x.bytes.count) <= limit, geometry.passes[0].taps.count > 0 else {
      return nil
    }
    let plan = tilePlan(integerTier.kind, parameters)
    return plan?.takes(x.layout) == false ? tilePlan(.dp4a, parameters) : plan
  }

  /// Whether two plans give the same sums for codes of 8 bits and of 1, weights of 8 bits and of 2.
  private func tilesAgree(_ plan: TilePlan, _ portable: TilePlan) throws -> Bool {
    let channels = 37, filters = 41
    let window = Window(kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1])
    for (bits, largest) in [(8, 255), (1, 1)] {
      let codes = (0..<channels * 77).map { UInt8(($0 * $0 + ($0 >> 3) * 85) & largest) }
      let x = try packCodes(
        upload(Tensor(codes, shape: [1, channels, 7, 11])), zeroPoint: largest / 3, bits: bits)
      for range in [256, 3] {
        let weights = (0..<filters * channels * 9).map {
          Int8(($0 * 31 + $0 / 9) % range - range / 2)
        }
        let factors = CodedWeights(
          try upload(Tensor(weights, shape: [filters, channels, 3, 3])), zeroPoint: nil)
        func sums(_ plan: TilePlan) throws -> Tensor {
          try download(
            sumInTiles(
              x, weights: factors, Convolution(window: window), plan,
              operation: "self-test of integer products"))
        }
        guard try sums(plan) == sums(portable) else { return false }
      }
    }
    return true
  }
}
