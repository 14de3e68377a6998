import Bitstream

extension QuantizerMessage {
  /// Activations and kernels have at most 16 bits; biases are as wide as sums.
  func checkWidths() throws(BitstreamError) {
    for association in associations where association.kind != .bias {
      let bits = quantizers[association.quantizer].bits
      guard bits <= 16 else {
        throw BitstreamError(
          byte: 0, element: "nnq_bits_minus1",
          "layer \(association.layer): the \(association.kind.name) has \(bits) bits, at most 16 "
            + "are allowed")
      }
    }
  }

  /// Where sums are shifted, scales are powers of two, and no sum is shifted to the left.
  func checkShifts() throws(BitstreamError) {
    guard mode.isShift else { return }
    var layers: [Int: [TensorKind: [Int]]] = [:]
    for association in associations {
      guard case .shifts(let shifts) = quantizers[association.quantizer].scales else {
        throw BitstreamError(
          byte: 0, element: "nnq_float_scale_flag",
          "layer \(association.layer): in mode '\(mode.name)' the scale of the "
            + "\(association.kind.name) must be a power of two")
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
          "layer \(layer): its sums are shifted by \(kernel) + \(input) - \(output) = \(shift) bits, "
            + "which is negative")
      }
    }
  }
}
