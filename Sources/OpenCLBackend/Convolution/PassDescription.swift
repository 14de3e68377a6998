import Operations

extension ConvolutionGeometry {
  /// The struct `Geometry` of `conv/geometry.cl` for a pass.
  func numbers(of pass: Pass, elements: Int) -> [Int32] {
    var numbers = [batch, groups, channels, filters]
    for vector in [
      input, output, pass.count, pass.first, pass.step, pass.origin, pass.stride,
    ] {
      numbers += [vector.x, vector.y, vector.z]
    }
    numbers += [pass.taps.count, elements]
    return numbers.map { Int32($0) }
  }
}

/// What a kernel must know of a pass, on the device.
struct PassDescription: Sendable {
  /// The struct `Geometry`.
  var geometry: DeviceMemory
  /// An `int4` a tap: its offset and its position within the weights.
  var taps: DeviceMemory
  /// An `int2` a group: the groups of x and of the weights that it multiplies.
  var factors: DeviceMemory
}

extension OpenCLBackend {
  /// Uploads the description of a pass; `factors` defaults to every group with itself.
  func describe(
    _ geometry: ConvolutionGeometry, _ pass: ConvolutionGeometry.Pass, elements: Int,
    factors: [MatrixProductGeometry.Factors]? = nil
  ) throws -> PassDescription {
    let pairs =
      factors?.flatMap { [Int32($0.b), Int32($0.a)] }
      ?? (0..<geometry.groups).flatMap { [Int32($0), Int32($0)] }
    return PassDescription(
      geometry: try uploadNumbers(geometry.numbers(of: pass, elements: elements)),
      taps: try uploadNumbers(
        pass.taps.flatMap { tap in
          [tap.offset.x, tap.offset.y, tap.offset.z, tap.index].map { Int32($0) }
        }),
      factors: try uploadNumbers(pairs))
  }

  /// The description of a pass of a convolution with `weights`, from the last call with them.
  func describe(
    _ geometry: ConvolutionGeometry, pass index: Int, elements: Int, for weights: Value
  ) throws -> PassDescription {
    let companion = try weights.memory.companion(.pass(geometry, index)) {
      let description = try describe(geometry, geometry.passes[index], elements: elements)
      return Companion(memories: [description.geometry, description.taps, description.factors])
    }
    return PassDescription(
      geometry: companion.memories[0], taps: companion.memories[1], factors: companion.memories[2])
  }
}
