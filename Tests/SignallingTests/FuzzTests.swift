import Bitstream
import Graph
import Operations
import Tensors
import Testing
import Video

@testable import Signalling

/// Streams that are damaged at random: every one ends with a network or with an error.
///
/// `LOWBIT_FUZZ_INPUTS` sets how many are tried; `make fuzz-signalling` tries a million.
@Suite struct FuzzTests {
  @Test func damagedStreams() throws {
    let graph = Networks.convolutions
    var tuned = graph
    tuned.initializers["b0"] = Tensor([1, 2, 3, 4] as [Int32])
    let settings = SignalSettings(activation: PostFilterActivation(target: 0))
    var settingsWithout = settings
    settingsWithout.carriesTopology = false
    let base = try SignalMessages(of: graph, settings)
    let known = try SignalMessages(of: graph, settingsWithout)
    let update = try SignalMessages(of: tuned, updating: graph, settings)
    let slice: [UInt8] = [0, 0, 0, 1, 0x26, 1, 0x80, 5]
    let seeds: [(codec: VideoCodec, bytes: [UInt8])] = [
      (.hevc, base.units(.hevc) + slice + update.units(.hevc)),
      (.vvc, known.units(.vvc, carrier: .aps) + update.units(.vvc)),
    ]
    var mutator = Mutator(seed: 0x5eed)
    var outcomes: [String: Int] = [:]
    for round in 0..<fuzzInputs {
      let seed = seeds[round % 2]
      let damaged = mutator.damaged(seed.bytes)
      let outcome = Self.outcome(of: damaged, seed.codec, on: graph)
      outcomes[outcome, default: 0] += 1
    }
    // The damage reaches every layer of the readers.
    for layer in ["network", "rejected by the stream", "rejected by the graph"] {
      #expect(outcomes[layer, default: 0] > 0, "\(outcomes)")
    }
  }

  /// The same without framing: what a checksum or a size would catch first reaches the inner readers.
  @Test func damagedPayloads() throws {
    let graph = Networks.convolutions
    let messages = try SignalMessages(of: graph, SignalSettings())
    let operands = try graph.signalledOperands()
    let topology = try NetworkTopology.bytes(of: graph)
    let tensors = CompressedNetwork.encode(
      try GraphSignals(of: graph, operands).tensors, topology: topology)
    let coded = WeightCoding.encode(
      TensorCodingTests.numbers(200, scale: 2, seed: 1), unaryLength: 11)
    var mutator = Mutator(seed: 0xfeed)
    var accepted = 0
    for round in 0..<fuzzInputs {
      do {
        switch round % 5 {
        case 0: _ = try QuantizerMessage(mutator.damaged(messages.quantizers.bytes))
        case 1: _ = try PostFilterCharacteristics(mutator.damaged(messages.characteristics.bytes))
        case 2:
          let found = try CompressedNetwork.decode(mutator.damaged(tensors))
          #expect(found.allSatisfy { $0.values.count == $0.shape.reduce(1, *) })
        case 3:
          let found = try NetworkTopology.graph(mutator.damaged(topology), limit: 1000)
          #expect(found.initializers.values.allSatisfy { $0.byteCount <= 4000 + topology.count })
        default:
          let bytes = mutator.damaged(coded)
          let values = try WeightCoding.decode(bytes, count: 200, unaryLength: 11)
          #expect(values.count == 200)
        }
        accepted += 1
      } catch {
        #expect(!error.element.isEmpty && !error.reason.isEmpty)
      }
    }
    #expect(accepted > 0)
  }

  /// Operators that are damaged behind checksums that fit: a network that filters a picture, or an error.
  @Test func damagedOperators() throws {
    let messages = try SignalMessages(of: Networks.filter(), SignalSettings())
    let stream = try ByteStream(messages.units(.hevc))
    let intact = try #require(try SignalReceiver(stream).networks[0])
    let topology = try #require(intact.base.topology)
    let property = try #require(messages.characteristics.property)
    let picture = Picture(
      width: 8, height: 8,
      samples: (0..<Picture.sampleCount(width: 8, height: 8)).map { UInt8($0 * 2) })
    var mutator = Mutator(seed: 0x0b5e)
    var outcomes: [String: Int] = [:]
    for _ in 0..<max(fuzzInputs / 4, 1) {
      var network = intact
      let damaged = mutator.damaged(topology)
      network.base.topology = damaged
      var outcome = "no operators"
      if let graph = try? NetworkTopology.graph(damaged, limit: 1000),
        let checksum = try? graph.signalledTopologyChecksum()
      {
        outcome = "no network"
        network.base.quantizers.topologyChecksum = checksum
        if let rebuilt = try? network.rebuilt() {
          outcome = "no picture"
          let filter = try? PictureFilter(rebuilt, property, on: ReferenceBackend())
          if (try? filter?.filtered(picture)) != nil { outcome = "picture" }
        }
      }
      outcomes[outcome, default: 0] += 1
    }
    // What a rebuilt network cannot filter is rare: its shapes have been followed.
    for outcome in ["no operators", "no network", "picture"] {
      #expect(outcomes[outcome, default: 0] > 0, "\(outcomes)")
    }
  }

  private static func outcome(of bytes: [UInt8], _ codec: VideoCodec, on graph: Graph) -> String {
    let networks: [Int: ReceivedNetwork]
    do {
      let stream = try ByteStream(bytes, codec: codec)
      // What is not ours stays, unit by unit; without units there is no stream.
      let others = stream.units.filter { !stream.isSignal($0) }.map { stream.bytes[$0.payload] }
      var kept: [ArraySlice<UInt8>] = []
      if let rest = try? ByteStream(stream.withoutSignals(), codec: codec) {
        kept = rest.units.map { rest.bytes[$0.payload] }
      }
      #expect(kept == others)
      networks = try SignalReceiver(stream).networks
    } catch {
      return "rejected by the stream"
    }
    guard let network = networks.values.first else { return "nothing of ours" }
    // From the stream alone as well: a network or an error.
    if (try? network.rebuilt()) != nil, network.base.topology == nil {
      Issue.record("a network came of no operators")
    }
    do {
      _ = try network.rebuilt(on: graph)
      return "network"
    } catch {
      return "rejected by the graph"
    }
  }

  private var fuzzInputs: Int {
    environment("LOWBIT_FUZZ_INPUTS").flatMap { Int($0) } ?? 10_000
  }
}

/// Damages bytes: flips bits, replaces, inserts, removes, repeats, cuts off.
struct Mutator {
  private var generator: Generator

  init(seed: UInt64) { generator = Generator(seed: seed) }

  mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var copy = bytes
    for _ in 0...below(3) where !copy.isEmpty {
      let place = below(copy.count)
      switch below(8) {
      case 0, 1: copy[place] ^= 1 << UInt8(below(8))
      case 2: copy[place] = UInt8(below(256))
      case 3: copy[place] = [0, 1, 3, 0x7f, 0x80, 0xff][below(6)]
      case 4: copy.insert(UInt8(below(256)), at: place)
      case 5: copy.remove(at: place)
      case 6:
        let length = min(below(40), copy.count - place)
        copy.insert(contentsOf: copy[place..<place + length], at: below(copy.count))
      default: copy.removeLast(min(below(copy.count), below(64)))
      }
    }
    return copy
  }

  private mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: generator.next() >> 33) % bound
  }
}
