public import Bitstream

/// Which pictures messages are put before.
public enum SignalPlacement: Sendable, Hashable {
  /// One picture, by its number in decoding order.
  case picture(Int)
  /// Every picture at which decoding can begin.
  case everyRandomAccess
}

extension ByteStream {
  /// The NAL units that are ours.
  public var signalUnits: [Unit] { units.filter(isSignal) }

  /// Whether a NAL unit begins as `SignalMessages.units(_:carrier:)` writes it.
  public func isSignal(_ unit: Unit) -> Bool {
    let content = bytes[unit.payload.dropFirst(2)]
    switch unit.header.type {
    case codec.prefixSEI:
      guard content.first == UInt8(SEIMessage.userDataUnregistered) else { return false }
      let behindSize = content.dropFirst().drop { $0 == 255 }.dropFirst()
      return behindSize.starts(with: QuantizerMessage.identifier)
    case codec.prefixAPS: return content.starts(with: Self.parameterSetBeginning)
    default: return false
    }
  }

  /// The stream without our NAL units: to the byte what it was before they were inserted.
  public func withoutSignals() -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var end = 0
    for unit in signalUnits {
      result += bytes[end..<unit.start]
      end = unit.payload.upperBound
    }
    return result + bytes[end...]
  }

  /// The stream with messages before pictures, behind all that precedes these already, in NAL units of
  /// the layer and sub-layer of the picture's first slice: H.265 and H.266, clause 7.4.2.2, want those
  /// of the picture.
  ///
  /// - Throws: ``Bitstream/BitstreamError`` when there is no such picture.
  /// - Precondition: `carrier` exists in ``codec``.
  public func inserting(
    _ messages: SignalMessages, carrier: SignalCarrier = .sei, before placement: SignalPlacement
  ) throws(BitstreamError) -> [UInt8] {
    var places = picturePlaces
    switch placement {
    case .picture(let number):
      guard places.indices.contains(number) else {
        throw BitstreamError(
          byte: bytes.count, element: "nal_unit_header",
          "there is no picture \(number), the stream has \(places.count)")
      }
      places = [places[number]]
    case .everyRandomAccess:
      places = places.filter(\.isRandomAccess)
      guard !places.isEmpty else {
        throw BitstreamError(
          byte: bytes.count, element: "nal_unit_header",
          "there is no picture at which decoding can begin")
      }
    }
    var result: [UInt8] = []
    var end = 0
    for place in places {
      result += bytes[end..<place.position]
      result += messages.units(
        codec, carrier: carrier, layer: place.slice.layer, temporalID: place.slice.temporalID)
      end = place.position
    }
    return result + bytes[end...]
  }

  /// The pictures behind one at which a coded layer video sequence of its layer begins: messages before it
  /// end at the first of them.
  public func sequences(behind picture: Int) -> [Int] {
    let places = picturePlaces
    return places.indices.dropFirst(picture + 1).filter {
      places[$0].beginsSequence && places[$0].slice.layer == places[picture].slice.layer
    }
  }

  /// The whole bytes that a parameter set of ours begins with. They hold no two zeros in a row, so that
  /// emulation prevention leaves them alone.
  private static let parameterSetBeginning = Array(
    ParameterSetExtension.rawPayload(carrying: QuantizerMessage.identifier).prefix(17))
}
