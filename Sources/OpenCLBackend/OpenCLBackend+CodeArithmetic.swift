public import Operations
public import Tensors

extension OpenCLBackend {
  /// 8-bit codes looked up in tables.
  public func mapCodes(
    _ x: Value, table: Value, to elementType: ElementType, axis: Int, channels: Int
  ) throws -> Value {
    guard x.count <= Int(Int32.max) else {
      return try runOnHost("mapCodes", [x, table]) {
        $0.mapCodes($1[0], table: $1[1], to: elementType, axis: axis, channels: channels)
      }
    }
    let y = try makeValue(elementType, x.shape)
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    try launchItems(
      DeviceKernel("codes/map.cl", "map_codes"), count: x.count, x, table, y,
      UInt32(x.shape[axis]), UInt32(max(inner, 1)), UInt32(channels),
      UInt32(table.rank == 2 ? 256 : 0), UInt32(x.count))
    return y
  }

  /// Sums and products of what packed codes stand for.
  public func combinePacked(
    _ combination: CodeCombination, _ a: PackedCodes<Value>, _ b: PackedCodes<Value>,
    to result: CodeScaling
  ) throws -> PackedCodes<Value> {
    guard a.layout.bits == 8, a.bytes.count <= Int(Int32.max) else {
      noteHostOperation("combinePacked")
      return try upload(
        ReferenceBackend.shared.combinePacked(combination, download(a), download(b), to: result))
    }
    let y = try makeValue(.uint8, a.bytes.shape)
    let pixels = a.bytes.shape[..<3].reduce(1, *)
    let plane = a.shape == b.shape ? 1 : a.shape[2] * a.shape[3]
    let pixelBytes = a.layout.pixelBytes
    let pixelsPerItem = max(1, 8192 / pixelBytes)
    let form = CombinationForm(combination, scale: result.scale)
    let items =
      facts.isCPU ? (pixels + pixelsPerItem - 1) / pixelsPerItem : pixels * pixelBytes
    try launch(
      DeviceKernel(
        "codes/combine.cl", "combine_codes",
        ["COMBINE=\(form.text)", "INTEGER=\(form.isInteger ? 1 : 0)"],
        preludes: ["prelude/divide.cl"]),
      global: [items], local: facts.isCPU ? [1] : workGroup([256]), a.bytes, b.bytes, y,
      Int32(a.zeroPoint), Int32(b.zeroPoint), Float(result.zeroPoint),
      Float(result.codes.lowerBound), Float(result.codes.upperBound), UInt32(a.layout.channels),
      UInt32(pixelBytes), UInt32(plane), UInt32(pixels), UInt32(pixelsPerItem),
      constants(form.words))
    return PackedCodes(y, layout: a.layout, zeroPoint: result.zeroPoint)
  }

  /// Pooling of packed codes.
  public func poolPacked(
    _ x: PackedCodes<Value>, _ pooling: CodePooling
  ) throws -> PackedCodes<Value> {
    let extents = pooling.outputExtents
    let shape = [x.shape[0]] + extents + [x.layout.pixelBytes]
    guard x.layout.bits == 8, shape.reduce(1, *) <= Int(Int32.max) else {
      noteHostOperation("poolPacked")
      return try upload(ReferenceBackend.shared.poolPacked(download(x), pooling))
    }
    let y = try makeValue(.uint8, shape)
    let form = PackedPoolForm(pooling)
    let block = facts.isCPU ? min(x.layout.pixelBytes, 32) : 4
    let window = pooling.window
    let words =
      [x.shape[2], x.shape[3]] + extents + window.kernel + window.strides + window.dilations
      + window.padBefore + window.padAfter
      + [x.layout.channels, x.layout.pixelBytes, x.zeroPoint]
      + [Int(form.quotient?.multiplier ?? 0), form.quotient?.shift ?? 0, form.roundsHalfUp ? 1 : 0]
    let rows = shape[0] * extents[0]
    let items = extents[1] * x.layout.pixelBytes / block
    try launch(
      DeviceKernel(
        "codes/pool.cl", "pool_codes",
        ["FORM=\(form.number)", "BLOCK=\(block)", "BORDER=\(form.countsBorder ? 1 : 0)"],
        preludes: ["prelude/divide.cl"]),
      global: facts.isCPU ? [rows] : [items, rows],
      local: facts.isCPU ? [1] : workGroup([64, 4]), x.bytes, y, constants(words.map(Int32.init)),
      form.unit, form.result.scale, form.factor, Float(form.result.zeroPoint),
      Float(form.result.codes.lowerBound), Float(form.result.codes.upperBound), Int32(rows))
    return PackedCodes(y, layout: x.layout, zeroPoint: pooling.zeroPoint(of: x.zeroPoint))
  }
}

/// What `codes/combine.cl` is told about a function.
private struct CombinationForm {
  let text: String
  let isInteger: Bool
  /// The members of its `Combination`.
  let words: [Int32]

  init(_ combination: CodeCombination, scale: Float) {
    switch combination {
    case .float(let function, let aUnit, let bUnit):
      precondition(function == .add || function == .multiply, "\(function) of codes")
      text = function == .add ? "(first + second)" : "(first * second)"
      isInteger = false
      words = [aUnit, bUnit, scale].map { Int32(bitPattern: $0.bitPattern) }
    case .sum(let a, let b, let shift):
      text =
        "((first >> p->a_shift) * p->a_multiplier + (second >> p->b_shift) * p->b_multiplier)"
      isInteger = true
      words =
        [a.multiplier, b.multiplier, Int32(a.shift), Int32(b.shift), Int32(shift.count)]
        + [shift.roundsHalfUp ? 1 : 0]
    case .product(let multiplier, let shift):
      text = "(first * second * p->a_multiplier)"
      isInteger = true
      words = [multiplier, 0, 0, 0, Int32(shift.count), shift.roundsHalfUp ? 1 : 0]
    }
  }
}

/// What `codes/pool.cl` is told about a function.
private struct PackedPoolForm {
  let number: Int
  var unit = Float(1)
  var result = CodeScaling(scale: 1, zeroPoint: 0)
  var factor = Float(1)
  var countsBorder = false
  var quotient: FixedPoint?
  var roundsHalfUp = false

  init(_ pooling: CodePooling) {
    switch pooling.function {
    case .maximum: number = 0
    case .average(let unit, let result, let countsBorder):
      number = 1
      self.unit = unit
      self.result = result
      self.countsBorder = countsBorder
    case .mean(let unit, let result):
      number = 2
      self.result = result
      factor = pooling.factor(unit: unit, scale: result.scale)
    case .quotient(let factor, let roundsHalfUp, let result, let countsBorder):
      number = 3
      self.result = result
      self.countsBorder = countsBorder
      self.roundsHalfUp = roundsHalfUp
      quotient = factor
    }
  }
}
