import Bitstream
import Signalling

/// The NAL units of a stream and the networks that it carries, or the tensors of a stream of tensors.
struct StreamReport: Encodable {
  struct Unit: Encodable {
    var byte: Int
    var bytes: Int
    var type: Int
    var name: String
    var layer: Int
    var temporalID: Int
    /// Whether `qtool signal strip` removes it.
    var isOurs: Bool
  }

  var codec: String?
  var pictures: Int?
  var signalBytes: Int?
  var units: [Unit]?
  var networks: [NetworkReport]?
  var tensors: [TensorReport]?

  init(tensors: [TensorReport]) { self.tensors = tensors }

  init(
    _ stream: ByteStream, listsUnits: Bool, showsValues: Bool
  ) throws(BitstreamError) {
    codec = stream.codec.rawValue
    pictures = stream.picturePlaces.count
    signalBytes = stream.bytes.count - stream.withoutSignals().count
    units = stream.units.filter { listsUnits || stream.isSignal($0) }.map { unit in
      Unit(
        byte: unit.start, bytes: unit.payload.upperBound - unit.start, type: unit.header.type,
        name: stream.codec.name(of: unit.header.type), layer: unit.header.layer,
        temporalID: unit.header.temporalID, isOurs: stream.isSignal(unit))
    }
    let found = try SignalReceiver(stream).networks
    networks = found.sorted { $0.key < $1.key }.map {
      NetworkReport($0.value, showsValues: showsValues)
    }
  }

  var text: String {
    var lines: [String] = []
    if let codec, let pictures, let signalBytes {
      lines.append("\(codec): \(pictures) pictures, our messages take \(signalBytes) bytes")
    }
    if let units, !units.isEmpty {
      var table = TextTable(["byte", "bytes", "unit", "ours"], rightAligned: [0, 1])
      for unit in units {
        table.add(["\(unit.byte)", "\(unit.bytes)", unit.name, unit.isOurs ? "yes" : ""])
      }
      lines.append(table.text)
    }
    lines += (networks ?? []).map(\.text)
    if let tensors {
      var table = TextTable(["tensor", "shape", "bits", "values"])
      for tensor in tensors {
        table.add([
          tensor.name, tensor.shape.map(String.init).joined(separator: "x"), "\(tensor.bits)",
          "\(tensor.range[0])...\(tensor.range[1])",
        ])
      }
      lines.append(table.text)
    }
    return lines.joined(separator: "\n")
  }
}
