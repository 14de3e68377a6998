public import Tensors

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension HostFallback {
  public func packCodes(_ codes: Value, zeroPoint: Int, bits: Int) throws -> PackedCodes<Value> {
    noteHostOperation("packCodes")
    return try upload(
      ReferenceBackend.shared.packCodes(download(codes), zeroPoint: zeroPoint, bits: bits))
  }

  public func unpackCodes(
    _ packed: PackedCodes<Value>, to elementType: ElementType, shape: [Int]
  ) throws -> Value {
    noteHostOperation("unpackCodes")
    return try upload(
      ReferenceBackend.shared.unpackCodes(download(packed), to: elementType, shape: shape))
  }

  public func sumPacked(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution
  ) throws -> Value {
    noteHostOperation("sumPacked")
    return try upload(
      ReferenceBackend.shared.sumPacked(
        download(x), weights: weights.map(download), convolution))
  }

  public func convolvePacked(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution,
    _ epilogue: Epilogue<Value>
  ) throws -> PackedCodes<Value> {
    noteHostOperation("convolvePacked")
    return try upload(
      ReferenceBackend.shared.convolvePacked(
        download(x), weights: weights.map(download), convolution, epilogue.map(download)))
  }

  public func mapCodes(
    _ x: Value, table: Value, to elementType: ElementType, axis: Int, channels: Int
  ) throws -> Value {
    try runOnHost("mapCodes", [x, table]) {
      $0.mapCodes($1[0], table: $1[1], to: elementType, axis: axis, channels: channels)
    }
  }

  public func combinePacked(
    _ combination: CodeCombination, _ a: PackedCodes<Value>, _ b: PackedCodes<Value>,
    to result: CodeScaling
  ) throws -> PackedCodes<Value> {
    noteHostOperation("combinePacked")
    return try upload(
      ReferenceBackend.shared.combinePacked(combination, download(a), download(b), to: result))
  }

  public func poolPacked(
    _ x: PackedCodes<Value>, _ pooling: CodePooling
  ) throws -> PackedCodes<Value> {
    noteHostOperation("poolPacked")
    return try upload(ReferenceBackend.shared.poolPacked(download(x), pooling))
  }

  public func movePacked(
    _ parts: [PackedCodes<Value>], _ movement: CodeMovement
  ) throws -> PackedCodes<Value> {
    noteHostOperation("movePacked")
    return try upload(ReferenceBackend.shared.movePacked(parts.map(download), movement))
  }
}

extension Backend {
  /// Brings packed codes back.
  public func download(_ packed: PackedCodes<Value>) throws -> PackedCodes<Tensor> {
    try packed.map(download)
  }

  /// Brings packed codes to the backend.
  public func upload(_ packed: PackedCodes<Tensor>) throws -> PackedCodes<Value> {
    try packed.map(upload)
  }
}

extension PackedCodes {
  /// The same codes elsewhere.
  public func map<Other>(_ move: (Value) throws -> Other) rethrows -> PackedCodes<Other> {
    PackedCodes<Other>(
      try move(bytes), layout: layout, zeroPoint: zeroPoint, maximum: maximum)
  }
}

extension CodedWeights {
  /// The same weights elsewhere.
  public func map<Other>(_ move: (Value) throws -> Other) rethrows -> CodedWeights<Other> {
    var other = CodedWeights<Other>(try move(codes), zeroPoint: try zeroPoint.map(move))
    other.shape = shape
    other.packedType = packedType
    return other
  }
}

extension Epilogue {
  /// The same epilogue elsewhere.
  public func map<Other>(_ move: (Value) throws -> Other) rethrows -> Epilogue<Other> {
    Epilogue<Other>(
      bias: try bias.map(move), rounding: try rounding.map(move), zeroPoint: zeroPoint,
      codes: codes, bits: bits, residual: try residual?.map(move))
  }
}

extension Rounding {
  /// The same parameters elsewhere.
  public func map<Other>(_ move: (Value) throws -> Other) rethrows -> Rounding<Other> {
    switch self {
    case .float(let multiplier): .float(multiplier: try move(multiplier))
    case .integer(let multiplier, let shift):
      .integer(multiplier: try move(multiplier), shift: try move(shift))
    case .shift(let shift): .shift(try move(shift))
    case .floorShift(let shift): .floorShift(try move(shift))
    }
  }
}

extension Residual {
  /// The same summand elsewhere.
  public func map<Other>(_ move: (Value) throws -> Other) rethrows -> Residual<Other> {
    Residual<Other>(
      try other.map(move), otherScale: otherScale, scale: scale, resultScale: resultScale,
      resultZeroPoint: resultZeroPoint, resultCodes: resultCodes)
  }
}
