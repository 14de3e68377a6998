import Bitstream
import Graph
import Tensors
import Testing

@testable import Signalling

/// Multipliers and differences in updates.
@Suite struct MultiplierTests {
  private let graph = Networks.filter()

  private func received(_ tuned: Graph) throws -> (ReceivedNetwork, SignalMessages) {
    let base = try SignalMessages(of: graph, SignalSettings())
    let update = try SignalMessages(of: tuned, updating: graph, SignalSettings())
    let stream = try ByteStream(base.units(.hevc) + update.units(.hevc), codec: .hevc)
    return (try #require(try SignalReceiver(stream).networks[0]), update)
  }

  private func multiplied(_ codes: [Int], shift: Int) -> Graph {
    var tuned = graph
    let scales = graph.initializers["w0_scale"]?.array(of: Float.self) ?? []
    tuned.initializers["w0_scale"] = Tensor(
      zip(scales, codes).map { ChannelMultipliers.scale($0, code: $1, shift: shift) })
    return tuned
  }

  @Test func multipliersAreFoundWithTheFewestBits() throws {
    let tuned = multiplied([6, -2, 0, 14], shift: 6)
    let (network, update) = try received(tuned)
    // All codes are even: five bits say the same.
    #expect(update.quantizers.quantizers.map(\.scales) == [.shifts([5])])
    let coded = try #require(network.update?.tensors.first)
    #expect(coded.name == "L1.multiplier" && coded.values == [3, -1, 0, 7])
    #expect(update.quantizers.associations.map(\.kind) == [.multiplier])
    #expect(try network.rebuilt(on: graph) == tuned)
  }

  @Test func otherScalesTravelAsFloats() throws {
    var tuned = graph
    tuned.initializers["w0_scale"] = Tensor([0.0041234, 0.005, 0.006, 0.0077] as [Float])
    let (network, update) = try received(tuned)
    #expect(update.quantizers.associations.map(\.kind) == [.kernel])
    #expect(try network.rebuilt(on: graph) == tuned)
  }

  /// The form that takes fewer bytes travels: plain codes, or their differences from the base's.
  @Test(arguments: [[3, 3, 3, 3], nil] as [[Int32]?])
  func codesTravelAsDifferencesWhereThatIsSmaller(_ differences: [Int32]?) throws {
    var tuned = graph
    let bias = try #require(graph.initializers["b0"]?.array(of: Int32.self))
    let plain = differences.map { zip(bias, $0).map { $0 + $1 } } ?? [0, 0, 0, 0]
    tuned.initializers["b0"] = Tensor(plain)
    let (network, update) = try received(tuned)
    #expect(try network.rebuilt(on: graph) == tuned)
    func bytes(_ name: String, _ values: [Int32]) -> Int {
      CompressedNetwork.encode([
        CodedTensor(name: name, shape: [4], format: .int32, values: values)
      ]).count
    }
    let sizes = (
      bytes("L1.bias", plain), bytes("L1.bias+", zip(plain, bias).map { $0 - $1 })
    )
    let tensor = try #require(network.update?.tensors.first)
    #expect(tensor.name == (sizes.1 < sizes.0 ? "L1.bias+" : "L1.bias"))
    #expect((differences == nil) == (tensor.name == "L1.bias"))
    guard case .stream(let coded) = update.characteristics.payload else {
      return #expect(Bool(false), "the tensors are not in the message")
    }
    #expect(coded.count == min(sizes.0, sizes.1))
  }

  @Test func brokenMultipliersAreNamed() throws {
    func reason(_ change: (inout ReceivedNetwork.Part) -> Void) throws -> String {
      var (network, _) = try received(multiplied([6, -2, 0, 14], shift: 5))
      guard var update = network.update else { return "" }
      change(&update)
      network.update = update
      do {
        _ = try network.rebuilt(on: graph)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(try reason { _ in } == "")
    #expect(try reason { $0.tensors[0].values.removeLast() }.contains("3 values for 4 scales"))
    #expect(try reason { $0.tensors[0].values[1] = -32 }.contains("not above 0"))
    #expect(try reason { $0.tensors[0].values[1] = 1 }.contains("nnq_model_crc"))
    #expect(try reason { $0.tensors = [] }.contains("a tensor of their own"))
    #expect(try reason { $0.quantizers.quantizers[0].scales = .shifts([30]) }.contains("nnq_shift"))
    #expect(try reason { $0.quantizers.isUpdate = false }.contains("need an update"))
  }
}
