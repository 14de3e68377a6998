import Bitstream

extension QuantizerMessage {
  /// Activations and kernels have at most 16 bits; biases are as wide as sums.
  ///
  /// - Parameter name: How errors call a layer.
  func checkWidths(
    naming name: (Int) -> String = { "layer \($0)" }
  ) throws(BitstreamError) {
    for association in associations where association.kind != .bias {
      let bits = quantizers[association.quantizer].bits
      guard bits <= 16 else {
        throw BitstreamError(
          byte: 0, element: "nnq_bits_minus1",
          "\(name(association.layer)): the \(association.kind.name) has \(bits) bits, at most 16 "
            + "are allowed")
      }
    }
  }

  /// Where sums are shifted, scales are powers of two, and no sum is shifted to the left.
  ///
  /// - Parameter name: How errors call a layer.
  func checkShifts(
    naming name: (Int) -> String = { "layer \($0)" }
  ) throws(BitstreamError) {
    guard mode.isShift else { return }
    var layers: [Int: [TensorKind: [Int]]] = [:]
    for association in associations {
      guard case .shifts(let shifts) = quantizers[association.quantizer].scales else {
        throw BitstreamError(
          byte: 0, element: "nnq_float_scale_flag",
          "\(name(association.layer)): in mode '\(mode.name)' the scale of the "
            + "\(association.kind.name) must be a power of two within 2^-100...2^100")
      }
      if association.operand == 0 {
        layers[association.layer, default: [:]][association.kind] = shifts
      }
    }
    for (layer, shifts) in layers.sorted(by: { $0.key < $1.key }) {
      guard let kernel = shifts[.kernel]?.min(), let input = shifts[.activationIn]?.min(),
        let output = shifts[.activationOut]?.max()
      else { continue }
      let shift = kernel + input - output
      guard shift >= 0 else {
        throw BitstreamError(
          byte: 0, element: "nnq_shift",
          "\(name(layer)): its sums are shifted by \(kernel) + \(input) - \(output) = \(shift) bits, "
            + "which is negative")
      }
    }
  }
}
