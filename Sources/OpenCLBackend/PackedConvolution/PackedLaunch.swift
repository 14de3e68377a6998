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
    // Where a weight does not fit at one of the positions, `factors` are those of a direct product.
    let wished = products == .vnni && problem.hasWinograd ? .winograd : products
    let factors = try factors(of: weights, for: wished, problem)
    let table = try parameters(epilogue, after: factors, of: weights, problem)
    let schedule = PackedSchedule(problem, factors.products, on: facts)
    let geometry = try constants(
      problem.numbers(schedule, epilogue.map { EpilogueCodes($0) } ?? .none))
    let scales = SIMD4(epilogue?.residual?.scales ?? SIMD3(repeating: 0), 0)
    let other = epilogue?.residual?.other.bytes.memory ?? table
    let result = epilogue?.definitions ?? ["RESULT=int"]
    if problem.isDepthwise {
      let rows = problem.batch * problem.output.x
      let share = max(1, rows / (8 * facts.computeUnits))
      try launch(
        DeviceKernel(
          "packed/depthwise.cl", "convolve_depthwise", result,
          preludes: ["prelude/divide.cl", "packed/geometry.cl"] + Self.finishing),
        global: [(rows + share - 1) / share], local: [1], x.bytes, factors.factors, table, scales,
        other, y, Int32(share), geometry, operation: operation)
      return y
    }
    let data = try scratch(byteCount: schedule.dataBytes, operation: operation)
    // Sums of this many pixels stay in registers: 32 of 16 lanes, or 16 of 8.
    let rows = facts.vectorWidth >= 16 ? 6 : 3
    let definitions =
      result + [
        "PIXELS=\(schedule.tilePlaces)", "FACTOR=\(factors.products.factorType)", "ROWS=\(rows)",
      ]
    let preludes = ["prelude/divide.cl", "packed/geometry.cl", factors.products.file]
    let global = [schedule.items.x, schedule.items.y, problem.groups]
    if factors.products == .winograd {
      let part = problem.inputPixel.isMultiple(of: 64) ? "ulong8" : "ulong4"
      try launch(
        DeviceKernel(
          "packed/winograd.cl", "convolve_winograd",
          definitions + ["MOST=\(problem.largestCode)", "PART=\(part)"],
          preludes: preludes + Self.finishing),
        global: global, local: [1, 1, 1], x.bytes, factors.factors, table, factors.facts, scales,
        other, y, data, geometry, operation: operation)
    } else {
      try launch(
        DeviceKernel(
          "packed/convolve.cl", "convolve", definitions,
          preludes: preludes + ["packed/gather.cl"] + Self.finishing),
        global: global, local: [1, 1, 1], x.bytes, factors.factors, table, scales, other, y, data,
        geometry, operation: operation)
    }
    return y
  }

  private static let finishing = ["packed/epilogue.cl", "packed/finish.cl"]
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
    let number =
      switch rounding {
      case .float: 0
      case .integer: 1
      case .shift: 2
      case .floorShift: 3
      }
    return ["RESULT=uchar", "ROUNDING=\(number)"] + (residual == nil ? [] : ["RESIDUAL"])
  }
}

extension Residual {
  /// The units of the codes, of the other summand, of the result.
  fileprivate var scales: SIMD3<Float> { [scale, otherScale, resultScale] }
}
