import Bitstream
import Graph
import Tensors
import Testing

@testable import Signalling

/// From a graph to messages and back.
@Suite struct SignalledGraphTests {
  let graph = Networks.convolutions

  @Test func operandsOfAGraph() throws {
    let operands = try graph.signalledOperands()
    #expect(
      operands.map { "\($0.layer) \($0.kind.name) \($0.operand) \($0.label)" } == [
        "0 output 0 q", "1 input 0 conv0", "1 kernel 0 conv0", "1 bias 0 conv0",
        "1 output 0 conv0", "2 input 0 conv1", "2 kernel 0 conv1", "2 output 0 conv1",
        "3 input 0 sum", "3 input 1 sum", "3 output 0 sum", "4 input 0 dq",
      ])
    #expect(operands.compactMap(\.codes) == ["w0", "b0", "w1"])
    #expect(operands[6].tensorName == "L2.kernel" && operands[9].tensorName == "L3.input.1")
  }

  @Test func numbersComeBackOnAGraphWithoutThem() throws {
    let messages = try SignalMessages(of: graph, SignalSettings(networkID: 9))
    #expect(messages.quantizers.quantizers.count == 5)
    let names = try graph.signalledOperands().flatMap { [$0.scale, $0.zeroPoint, $0.codes] }
    let blank = Networks.blank(graph, names.compactMap { $0 })
    #expect(blank.initializers != graph.initializers)
    for codec in VideoCodec.allCases {
      for carrier in SignalCarrier.allCases where codec == .vvc || carrier == .sei {
        let stream = try ByteStream(messages.units(codec, carrier: carrier), codec: codec)
        let network = try #require(try SignalReceiver(stream).networks[9])
        #expect(network.base.quantizers == messages.quantizers)
        #expect(network.base.characteristics == messages.characteristics)
        #expect(try network.rebuilt(on: blank) == graph)
      }
    }
  }

  @Test func levelsComeFromTheModel() throws {
    let message = try SignalMessages(of: graph, SignalSettings()).quantizers
    func quantizer(_ layer: Int, _ kind: TensorKind) -> SignalledQuantizer? {
      message.associations.first { $0.layer == layer && $0.kind == kind }
        .map { message.quantizers[$0.quantizer] }
    }
    #expect(quantizer(1, .kernel)?.levels == 255 && quantizer(1, .kernel)?.bits == 8)
    #expect(quantizer(2, .kernel)?.levels == 15 && quantizer(2, .kernel)?.bits == 4)
    #expect(quantizer(1, .activationIn)?.levels == nil)
    #expect(quantizer(1, .activationIn)?.scales == .shifts([7]))
    #expect(quantizer(1, .activationIn)?.zeroPoints == [3])
    #expect(quantizer(1, .kernel)?.scales == .floats([0.5, 0.25, 0.013, 1]))
    #expect(quantizer(1, .bias) == nil)
  }

  @Test func updatesHoldWhatDiffers() throws {
    var tuned = graph
    tuned.initializers["w1_scale"] = Tensor(scalar: Float(0.03))
    tuned.initializers["b0"] = Tensor([1, 2, 3, 4] as [Int32])
    let base = try SignalMessages(of: graph, SignalSettings())
    let update = try SignalMessages(of: tuned, updating: graph, SignalSettings())
    #expect(update.quantizers.quantizers.count == 1 && update.quantizers.associations.count == 1)
    let units = base.units(.hevc) + update.units(.hevc)
    let network = try #require(try SignalReceiver(try ByteStream(units)).networks[0])
    // The scale became half as large again: a multiplier.
    #expect(network.update?.tensors.map(\.name) == ["L1.bias", "L2.multiplier"])
    #expect(try network.rebuilt(on: graph) == tuned)
    // An update is of the base, not of the update before it.
    var other = graph
    other.initializers["w1_scale"] = Tensor(scalar: Float(0.04))
    let third = try SignalMessages(of: other, updating: graph, SignalSettings()).units(.hevc)
    let last = try SignalReceiver(try ByteStream(units + third)).networks[0]
    #expect(try last?.rebuilt(on: graph) == other)
  }

  @Test func otherNetworksAreRefused() throws {
    let messages = try SignalMessages(of: graph, SignalSettings())
    let network = try #require(
      try SignalReceiver(try ByteStream(messages.units(.vvc))).networks[0])
    var padded = graph
    padded.nodes[1].attributes["pads"] = .ints([1, 1, 0, 0])
    #expect(throws: GraphError.self) { try network.rebuilt(on: padded) }
    var mode = graph
    mode.metadata["qtool.requantization"] = "sadl"
    #expect(throws: GraphError.self) { try network.rebuilt(on: mode) }
    // Names do not count.
    var renamed = graph
    renamed.nodes[1].name = "first"
    renamed.name = "other"
    #expect(throws: Never.self) { try network.rebuilt(on: renamed) }
    #expect(throws: GraphError.self) {
      try SignalMessages(of: padded, updating: graph, SignalSettings())
    }
    let float = Graph(
      inputs: [Networks.value("x", channels: 1)], outputs: [Networks.value("x", channels: 1)])
    #expect(throws: GraphError.self) { try SignalMessages(of: float, SignalSettings()) }
    var wide = graph
    wide.inputs = [Networks.value("x", channels: 4)]
    let error = #expect(throws: GraphError.self) {
      try SignalMessages(of: wide, SignalSettings())
    }
    #expect(error?.description.contains("1, 2, 3 or 6 channels") == true)
  }

  @Test func extentsOfInputsDoNotCountAndOrderDoes() throws {
    let messages = try SignalMessages(of: graph, SignalSettings())
    let network = try #require(
      try SignalReceiver(try ByteStream(messages.units(.hevc))).networks[0])
    var larger = graph
    larger.inputs[0].shape = [.fixed(1), .fixed(1), .fixed(64), .fixed(48)]
    #expect(try network.rebuilt(on: larger) == larger)
    var reordered = graph
    reordered.nodes.swapAt(0, 2)
    #expect(throws: GraphError.self) { try network.rebuilt(on: reordered) }
  }

  @Test func whatMessagesDoNotHoldNamesTheNode() throws {
    func reason(_ change: (inout Graph) -> Void) -> String {
      var copy = graph
      change(&copy)
      do {
        _ = try GraphSignals(of: copy, copy.signalledOperands())
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(reason { $0.nodes[2].inputs = [] }.contains("node 'cast' (Cast) has no input"))
    #expect(
      reason { $0.initializers["w1_scale"] = Tensor([] as [Float]) }.contains(
        "node 'conv1': 'w1_scale' holds no scale"))
    #expect(
      reason { $0.initializers["a_zero"] = Tensor(scalar: Int32.min) }.contains(
        "node 'conv0': 'a_zero' holds -2^31"))
    #expect(
      reason { $0.initializers["b0"] = Tensor([0, .min, 0, 0] as [Int32]) }.contains(
        "node 'conv0': the tensor 'b0'"))
    #expect(
      reason {
        $0.nodes[0].inputs.removeLast()
        $0.nodes[0].attributes["output_dtype"] = .int(1)
      }.contains("node 'q' (QuantizeLinear): attribute 'output_dtype' is 1"))
  }

  /// A QuantizeLinear without a code of zero: its attribute tells the type of codes.
  @Test(arguments: [(0, 8, false), (2, 8, false), (3, 8, true), (5, 16, true), (21, 4, false)])
  func codesOfStatedTypes(_ code: Int, _ bits: Int, _ isSigned: Bool) throws {
    var stated = graph
    stated.nodes[0].inputs.removeLast()
    stated.nodes[0].attributes["output_dtype"] = .int(code)
    let signals = try GraphSignals(of: stated, stated.signalledOperands())
    let place = try #require(signals.associations.first { $0.layer == 0 })
    let quantizer = signals.quantizers[place.quantizer]
    #expect(quantizer.bits == bits && quantizer.isSigned == isSigned)
  }

  @Test func whatIsWrittenIsReadable() throws {
    var tiny = graph
    tiny.initializers["w1_scale"] = Tensor(scalar: Float(0x1p-101))
    let messages = try SignalMessages(
      of: tiny, SignalSettings(activation: PostFilterActivation(target: 0)))
    #expect(throws: Never.self) { try messages.requireReadable() }
    var control = messages
    control.characteristics.payload = .uri(tag: "tag:a", uri: "\u{1b}[2J")
    let error = #expect(throws: BitstreamError.self) { try control.requireReadable() }
    #expect(error?.element == "nnpfc_uri")
    var wide = messages
    wide.quantizers.quantizers[0].bits = 17
    #expect(throws: BitstreamError.self) { try wide.requireReadable() }
  }

  @Test func modesOfModels() {
    #expect(ArithmeticMode(property: nil) == .halfEven)
    #expect(ArithmeticMode(property: "half-even float multiplier") == .halfEven)
    #expect(ArithmeticMode(property: "float") == .halfEven)
    #expect(ArithmeticMode(property: "fixed-point") == .integerMultiplier)
    #expect(ArithmeticMode(property: "nearest") == nil)
    for mode in ArithmeticMode.allCases { #expect(ArithmeticMode(property: mode.name) == mode) }
  }
}
