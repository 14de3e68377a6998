import Bitstream
import Signalling

/// What messages take and hold.
struct SignalReport: Encodable {
  var networkID: Int
  var isUpdate: Bool
  var mode: String
  var accumulatorBits: Int?
  var quantizers: Int
  var associations: Int
  /// Bytes of all NAL units, start codes included.
  var bytes: Int
  /// Bytes of the quantizer message.
  var quantizerBytes: Int
  /// Bytes of the stream of tensors, wherever it is.
  var tensorBytes: Int
  var topologyChecksum: UInt32
  var modelChecksum: UInt32

  init(_ messages: SignalMessages, bytes: Int, tensorBytes: Int) {
    let message = messages.quantizers
    networkID = message.networkID
    isUpdate = message.isUpdate
    mode = message.mode.name
    accumulatorBits = message.accumulatorBits
    quantizers = message.quantizers.count
    associations = message.associations.count
    self.bytes = bytes
    quantizerBytes = message.bytes.count
    self.tensorBytes = tensorBytes
    topologyChecksum = message.topologyChecksum
    modelChecksum = message.modelChecksum
  }

  var text: String {
    "network \(networkID)\(isUpdate ? ", an update" : ""): \(quantizers) quantizers of "
      + "\(associations) tensors, mode \(mode), accumulators of "
      + (accumulatorBits.map { "\($0) bits" } ?? "unknown width")
      + "\nbytes: \(bytes), of these quantizers \(quantizerBytes), tensors \(tensorBytes)"
  }
}

/// A tensor of a stream.
struct TensorReport: Encodable {
  var name: String
  var shape: [Int]
  var bits: Int
  var range: [Int32]
  var values: [Int32]?

  init(_ tensor: CodedTensor, showsValues: Bool) {
    name = tensor.name
    shape = tensor.shape
    bits = tensor.format.bits
    range = [tensor.values.min() ?? 0, tensor.values.max() ?? 0]
    values = showsValues ? tensor.values : nil
  }
}

/// What a stream says about a network.
struct NetworkReport: Encodable {
  struct Quantizer: Encodable {
    var layer: Int
    var kind: String
    var operand: Int
    /// The quantizer's place among those of the message.
    var quantizer: Int
    var bits: Int
    var signed: Bool
    var levels: Int
    var shifts: [Int]?
    var scales: [Float]
    var zeroPoints: [Int]?
  }

  struct Part: Encodable {
    var purpose: Int
    var uri: String?
    var tag: String?
    var mode: String
    var accumulatorBits: Int?
    var topologyChecksum: UInt32
    var modelChecksum: UInt32
    var pictureHash: String?
    var quantizers: [Quantizer]
    var tensors: [TensorReport]
  }

  var networkID: Int
  var base: Part
  var update: Part?
  /// Whether the last activation applies the network.
  var isActive: Bool

  init(_ network: ReceivedNetwork, showsValues: Bool) {
    networkID = network.base.quantizers.networkID
    base = Part(network.base, showsValues: showsValues)
    update = network.update.map { Part($0, showsValues: showsValues) }
    isActive = network.activation.map { !$0.cancels } ?? false
  }

  var text: String {
    var lines = ["network \(networkID)\(isActive ? ", active" : "")"]
    for (name, part) in [("base", base), ("update", update)] {
      guard let part else { continue }
      let values = part.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
      lines.append(
        "\(name): mode \(part.mode), accumulators of "
          + (part.accumulatorBits.map { "\($0) bits" } ?? "unknown width")
          + ", \(part.tensors.count) tensors of \(values) values"
          + (part.uri.map { ", tensors at \($0)" } ?? ""))
      var table = TextTable(["layer", "tensor", "bits", "levels", "scales", "zero"])
      for quantizer in part.quantizers {
        let scales =
          quantizer.shifts.map { $0.map { "2^\(-$0)" } } ?? quantizer.scales.map { "\($0)" }
        table.add([
          "\(quantizer.layer)",
          quantizer.kind + (quantizer.operand > 0 ? " \(quantizer.operand)" : ""),
          "\(quantizer.signed ? "s" : "u")\(quantizer.bits)", "\(quantizer.levels)",
          scales.prefix(2).joined(separator: " ")
            + (scales.count > 2 ? " ... \(scales.count)" : ""),
          quantizer.zeroPoints.map { "\($0[0])" } ?? "0",
        ])
      }
      lines.append(table.text)
    }
    return lines.joined(separator: "\n")
  }
}

extension NetworkReport.Part {
  init(_ part: ReceivedNetwork.Part, showsValues: Bool) {
    let message = part.quantizers
    purpose = part.characteristics.purpose
    if case .uri(let tag, let uri) = part.characteristics.payload {
      self.tag = tag
      self.uri = uri
    }
    mode = message.mode.name
    accumulatorBits = message.accumulatorBits
    topologyChecksum = message.topologyChecksum
    modelChecksum = message.modelChecksum
    pictureHash = message.pictureHash.map { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    quantizers = message.associations.map { association in
      let quantizer = message.quantizers[association.quantizer]
      var shifts: [Int]?
      if case .shifts(let values) = quantizer.scales { shifts = values }
      return NetworkReport.Quantizer(
        layer: association.layer, kind: association.kind.name, operand: association.operand,
        quantizer: association.quantizer, bits: quantizer.bits, signed: quantizer.isSigned,
        levels: quantizer.levels ?? 1 << quantizer.bits, shifts: shifts,
        scales: quantizer.scales.values, zeroPoints: quantizer.zeroPoints)
    }
    tensors = part.tensors.map { TensorReport($0, showsValues: showsValues) }
  }
}
