public import Tensors

extension ReferenceBackend {
  /// Packed codes in other places.
  public func movePacked(
    _ parts: [PackedCodes<Tensor>], _ movement: CodeMovement
  ) -> PackedCodes<Tensor> {
    let (channels, height, width) = (movement.shape[1], movement.shape[2], movement.shape[3])
    let pitch = movement.layout.pixelBytes
    let bytes = Tensor(shape: [movement.shape[0], height, width, pitch]) {
      (bytes: UnsafeMutableBufferPointer<UInt8>) in
      for pixel in 0..<movement.shape[0] * height * width {
        for channel in 0..<channels { bytes[pixel * pitch + channel] = movement.filling }
      }
      for (part, packed) in zip(movement.parts, parts) {
        packed.bytes.withElements(of: UInt8.self) { source in
          for pixel in 0..<movement.shape[0] * height * width {
            let row = pixel / width
            let place = [
              row / height, movement.shape[0] + row % height,
              movement.shape[0] + height + pixel % width,
            ].map { part.offsets[$0] }
            guard !place.contains(CodeMovement.Part.outside) else { continue }
            let start = place.reduce(0) { $0 + Int($1) }
            for (channel, offset) in part.offsets.suffix(channels).enumerated()
            where offset != CodeMovement.Part.outside {
              bytes[pixel * pitch + channel] = source[start + Int(offset)]
            }
          }
        }
      }
    }
    return PackedCodes(bytes, layout: movement.layout, zeroPoint: parts[0].zeroPoint)
  }
}
