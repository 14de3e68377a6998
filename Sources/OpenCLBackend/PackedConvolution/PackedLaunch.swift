import OpenCLHost
import Operations
import Tensors

extension OpenCLBackend {
  /// A convolution of codes of 8 bits: `int32` sums `[N, M, H, W]` without an epilogue, bytes
  /// `[N, H, W, pixel]` with one.
  func convolveBytes(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ problem: PackedProblem,
    _ epilogue: Epilogue<Value>?, by products: PackedProducts, operation: StaticString
  ) throws -> Value {
    let y = try makeValue(
      epilogue == nil ? .int32 : .uint8, problem.resultShape(hasEpilogue: epilogue != nil),
      operation: operation)
    guard y.count > 0 else { return y }
    let plan = try plan(problem, weights, epilogue, by: products)
    let scales = SIMD4(epilogue?.residual?.scales ?? SIMD3(repeating: 0), 0)
    let other = epilogue?.residual?.other.bytes.memory ?? plan.table
    if problem.isDepthwise {
      try launch(
        plan.kernel, global: plan.global, local: [1], x.bytes, plan.factors.factors, plan.table,
        scales, other, y, Int32(plan.share), plan.geometry, operation: operation)
      return y
    }
    let data = try scratch(byteCount: plan.dataBytes, operation: operation)
    if plan.factors.products.isWinograd {
      try launch(
        plan.kernel, global: plan.global, local: [1, 1, 1], x.bytes, plan.factors.factors,
        plan.table, plan.factors.facts, scales, other, y, data, plan.geometry,
        operation: operation)
    } else {
      try launch(
        plan.kernel, global: plan.global, local: [1, 1, 1], x.bytes, plan.factors.factors,
        plan.table, scales, other, y, data, plan.geometry, operation: operation)
    }
    return y
  }
}

/// What decides how a convolution of certain weights is launched.
struct PackedPlanKey: Hashable, Sendable {
  var problem: PackedProblem
  var products: PackedProducts
  var packedType: ElementType?
  /// The memories of zero points, bias, multiplier and shift; other companions keep them alive.
  var values: [ObjectIdentifier?]
  /// The number of the rounding; none for sums.
  var rounding: Int?
  var codes: EpilogueCodes
  var hasResidual: Bool
}

/// How a convolution is launched, whatever its data.
struct PackedPlan: Sendable {
  var kernel: DeviceKernel
  var global: [Int]
  /// Rows of a work-item, of filters a channel.
  var share = 0
  /// Bytes for the data of all work-items.
  var dataBytes = 0
  var factors: PackedFactors
  /// The parameters of the epilogue, and the struct `Geometry`.
  var table, geometry: DeviceMemory
}

extension OpenCLBackend {
  private static let finishing = ["packed/epilogue.cl", "packed/finish.cl"]

  /// How to launch a convolution, from the last call with the same weights, epilogue and shapes: at
  /// batch 1 a network's layers take less time than it takes to think them over.
  private func plan(
    _ problem: PackedProblem, _ weights: CodedWeights<Value>, _ epilogue: Epilogue<Value>?,
    by products: PackedProducts
  ) throws -> PackedPlan {
    let values = [weights.zeroPoint] + (epilogue?.values ?? [])
    let key = PackedPlanKey(
      problem: problem, products: products, packedType: weights.packedType,
      values: values.map { $0.map { ObjectIdentifier($0.memory) } },
      rounding: epilogue?.rounding.number, codes: epilogue.map { EpilogueCodes($0) } ?? .none,
      hasResidual: epilogue?.residual != nil)
    let companion = try weights.codes.memory.companion(.plan(key)) {
      Companion(memories: [], plan: try makePlan(problem, weights, epilogue, key))
    }
    guard let plan = companion.plan else { preconditionFailure("a companion without a plan") }
    return plan
  }

  private func makePlan(
    _ problem: PackedProblem, _ weights: CodedWeights<Value>, _ epilogue: Epilogue<Value>?,
    _ key: PackedPlanKey
  ) throws -> PackedPlan {
    // Where a weight does not fit at one of the positions, `factors` are those of a direct product.
    var wished = key.products
    wished.isWinograd = wished.hasBytes && problem.hasWinograd
    let factors = try factors(of: weights, for: wished, problem)
    let table = try parameters(epilogue, after: factors, of: weights, problem)
    let schedule = PackedSchedule(problem, factors.products, on: facts)
    let geometry = try constants(problem.numbers(schedule, key.codes, run: factors.run))
    let result = epilogue?.definitions ?? ["RESULT=int"]
    if problem.isDepthwise {
      let rows = problem.batch * problem.output.x
      let share = max(1, rows / (8 * facts.computeUnits))
      return PackedPlan(
        kernel: DeviceKernel(
          "packed/depthwise.cl", "convolve_depthwise", result,
          preludes: ["prelude/divide.cl", "packed/geometry.cl"] + Self.finishing),
        global: [(rows + share - 1) / share], share: share, factors: factors, table: table,
        geometry: geometry)
    }
    // Sums of this many pixels stay in registers: 32 of 16 lanes, or 16 of 8.
    let rows = facts.vectorWidth >= 16 ? 6 : 3
    var definitions =
      result + [
        "PIXELS=\(schedule.tilePlaces)", "FACTOR=\(factors.products.factorType)", "ROWS=\(rows)",
      ] + factors.products.definitions
    var preludes = ["prelude/divide.cl", "packed/geometry.cl", factors.products.file]
    let isWinograd = factors.products.isWinograd
    if isWinograd {
      let part = problem.inputPixel.isMultiple(of: 64) ? "ulong8" : "ulong4"
      definitions += ["MOST=\(problem.largestCode)", "PART=\(part)"]
    } else {
      preludes.append("packed/gather.cl")
    }
    return PackedPlan(
      kernel: DeviceKernel(
        isWinograd ? "packed/winograd.cl" : "packed/convolve.cl",
        isWinograd ? "convolve_winograd" : "convolve", definitions,
        preludes: preludes + Self.finishing),
      global: [schedule.items.x, schedule.items.y, problem.groups], dataBytes: schedule.dataBytes,
      factors: factors, table: table, geometry: geometry)
  }
}

extension PackedProblem {
  /// The shape of sums, or of bytes.
  fileprivate func resultShape(hasEpilogue: Bool) -> [Int] {
    hasEpilogue
      ? [batch, output.x, output.y, outputPixel] : [batch, groups * filters, output.x, output.y]
  }
}

extension Epilogue {
  /// What `epilogue.cl` and `finish.cl` are compiled with.
  fileprivate var definitions: [String] {
    ["RESULT=uchar", "ROUNDING=\(rounding.number)"] + (residual == nil ? [] : ["RESIDUAL"])
  }
}

extension Rounding {
  /// As `epilogue.cl` numbers them.
  fileprivate var number: Int {
    switch self {
    case .float: 0
    case .integer: 1
    case .shift: 2
    case .floorShift: 3
    }
  }
}

extension Residual {
  /// The units of the codes, of the other summand, of the result.
  fileprivate var scales: SIMD3<Float> { [scale, otherScale, resultScale] }
}
