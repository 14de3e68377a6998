import OpenCLHost
public import Operations
import Tensors

extension OpenCLBackend {
  /// Packed codes in other places: a launch for every part, the first of which fills what is left.
  public func movePacked(
    _ parts: [PackedCodes<Value>], _ movement: CodeMovement
  ) throws -> PackedCodes<Value> {
    let pixels = [movement.shape[0]] + movement.shape[2...]
    let shape = pixels + [movement.layout.pixelBytes]
    let largest = ([shape] + parts.map(\.bytes.shape)).map { $0.reduce(1, *) }.max() ?? 0
    guard parts.allSatisfy({ $0.layout.bits == 8 }), largest <= Int(Int32.max) else {
      noteHostOperation("movePacked")
      return try upload(ReferenceBackend.shared.movePacked(parts.map(download), movement))
    }
    let y = try makeValue(.uint8, shape)
    let count = pixels.reduce(1, *)
    let pixelsPerItem = max(1, 8192 / movement.layout.pixelBytes)
    let items =
      facts.isCPU ? (count + pixelsPerItem - 1) / pixelsPerItem : y.count
    for (number, part) in movement.parts.enumerated() {
      guard count > 0, number == 0 || parts[number].bytes.count > 0 else { continue }
      try launch(
        DeviceKernel("packed/move.cl", "move_codes"), global: [items],
        local: facts.isCPU ? [1] : workGroup([256]), parts[number].bytes, y,
        constants(part.offsets), constants(movement.words(part, fills: number == 0)),
        UInt32(count), UInt32(pixelsPerItem))
    }
    return PackedCodes(y, layout: movement.layout, zeroPoint: parts[0].zeroPoint)
  }
}

extension CodeMovement {
  /// The members of `Movement` in `packed/move.cl`.
  fileprivate func words(_ part: Part, fills: Bool) -> [Int32] {
    let depths = Array(part.offsets.suffix(shape[1]))
    let first = depths.firstIndex { $0 != Part.outside } ?? 0
    let end = (depths.lastIndex { $0 != Part.outside } ?? -1) + 1
    let isStraight = (first..<end).allSatisfy {
      depths[$0] != Part.outside && Int(depths[$0]) == Int(depths[first]) + $0 - first
    }
    return [shape[0], shape[2], shape[3], shape[1], layout.pixelBytes, fills ? 1 : 0]
      .map { Int32($0) }
      + [Int32(filling), Int32(first), Int32(max(end - first, 0)), isStraight ? 1 : 0]
  }
}
