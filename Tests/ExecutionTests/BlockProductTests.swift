import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Tensors
import Testing

@testable import Execution

/// ONNX Runtime's MatMulNBits.
@Suite struct BlockProductTests {
  /// Two columns of 17 codes of 4 bits in blocks of 16: 1, 2, ... 15, 0 and 3; then twice as coarse.
  private let codes = Tensor(
    (0..<2).flatMap { _ in
      [
        0x21, 0x43, 0x65, 0x87, 0xA9, 0xCB, 0xED, 0x0F, 0xF3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF,
      ]
        as [UInt8]
    }, shape: [2, 2, 8])
  private let scales = Tensor([Float(1), 0.5, 2, 1], shape: [2, 2])
  private let attributes: [String: Attribute] = [
    "K": .int(17), "N": .int(2), "bits": .int(4), "block_size": .int(16),
  ]

  /// A row that picks single weights: the first, the sixteenth and the seventeenth.
  private func picks(_ places: [Int]) -> Tensor {
    Tensor(
      places.flatMap { place in (0..<17).map { $0 == place ? Float(1) : 0 } },
      shape: [places.count, 17])
  }

  private func result(_ inputs: [Tensor?], _ changes: [String: Attribute] = [:]) throws -> Tensor {
    try compute(
      "MatMulNBits", opset: 1, domain: "com.microsoft", inputs,
      attributes.merging(changes) { $1 }, constants: Set(1..<inputs.count))[0]
  }

  @Test func codesLieInBlocksAndTheFillingDoesNotCount() throws {
    let found = try result([picks([0, 14, 15, 16]), codes, scales])
    #expect(
      found == Tensor([Float(-7), -14, 7, 14, -8, -16, -2.5, -5], shape: [4, 2]))
  }

  @Test func zeroPointsArePackedOrNumbers() throws {
    // Blocks of the first column have 1 and 3, those of the second 0 and 15.
    let packed = Tensor([UInt8(0x31), 0xF0], shape: [2, 1])
    let expected = Tensor([Float(0), 2, 0, -12], shape: [2, 2])
    #expect(try result([picks([0, 16]), codes, scales, packed]) == expected)
    let numbers = Tensor([Float(1), 3, 0, 15], shape: [2, 2])
    #expect(try result([picks([0, 16]), codes, scales, numbers]) == expected)
    let halves = Tensor([Float(0.5), 2.5, 0, 15], shape: [2, 2])
    #expect(
      try result([picks([0, 16]), codes, scales, halves])
        == Tensor([Float(0.5), 2, 0.25, -12], shape: [2, 2]))
  }

  @Test func aBiasIsAdded() throws {
    let bias = Tensor([Float(10), 20])
    #expect(
      try result([picks([0]), codes, scales, nil, nil, bias])
        == Tensor([Float(3), 6], shape: [1, 2]))
  }

  @Test func twoAndEightBits() throws {
    let two = Tensor([UInt8(0b11_10_01_00), 0, 0, 0], shape: [1, 1, 4])
    let x = Tensor((0..<16).map { Float($0 < 4 ? 1 << $0 : 0) }, shape: [1, 16])
    // -2 * 1 - 1 * 2 + 0 * 4 + 1 * 8
    #expect(
      try result(
        [x, two, Tensor([Float(3)])],
        ["K": .int(16), "N": .int(1), "bits": .int(2)]) == Tensor([Float(12)], shape: [1, 1]))
    let eight = Tensor((0..<16).map { UInt8($0 * 17) }, shape: [1, 1, 16])
    // (0 - 128) + 2 (17 - 128) + 4 (34 - 128) + 8 (51 - 128)
    #expect(
      try result(
        [x, eight, Tensor([Float(1)])],
        ["K": .int(16), "N": .int(1), "bits": .int(8)]) == Tensor([Float(-1342)], shape: [1, 1]))
  }

  @Test func errorsNameTheNode() {
    let x = picks([0])
    let cases: [(GraphError.Kind, String, [Tensor?], [String: Attribute])] = [
      (.invalid, "weights of shape [2, 2, 8]", [x, codes, scales], ["block_size": .int(64)]),
      (.invalid, "3 scales", [x, codes, Tensor([Float(1), 2, 3])], [:]),
      (.invalid, "zero points in 1 bytes", [x, codes, scales, Tensor([UInt8(1)])], [:]),
      (.invalid, "'block_size' is 24", [x, codes, scales], ["block_size": .int(24)]),
      (.invalid, "'K' is 0", [x, codes, scales], ["K": .int(0)]),
      (.unsupported, "'bits' is 3", [x, codes, scales], ["bits": .int(3)]),
      (.unsupported, "'weight_prepacked'", [x, codes, scales], ["weight_prepacked": .int(1)]),
      (
        .unsupported, "'g_idx'", [x, codes, scales, nil, Tensor([Int32](repeating: 0, count: 32))],
        [:]
      ),
      (.invalid, "a bias of shape", [x, codes, scales, nil, nil, Tensor([Float(1)])], [:]),
      (
        .invalid, "cannot be multiplied", [Tensor([Float(1), 2], shape: [1, 2]), codes, scales], [:]
      ),
    ]
    for (kind, text, inputs, changes) in cases {
      let found = message(kind) { _ = try result(inputs, changes) }
      #expect(found?.contains("node 'tested'") == true, "\(text): \(found ?? "no error")")
      #expect(found?.contains(text) == true, "\(text): \(found ?? "no error")")
    }
  }

  /// Weights that are an input of the graph are not folded: the same numbers.
  @Test func weightsNeedNotBeConstant() throws {
    let inputs: [Tensor?] = [picks([0, 14, 16]), codes, scales]
    let folded = try result(inputs)
    let open = try compute(
      "MatMulNBits", opset: 1, domain: "com.microsoft", inputs, attributes)[0]
    #expect(open == folded)
  }

  @Test(.enabled(if: !((try? Device.all()) ?? []).isEmpty, "no OpenCL device"))
  func devicesGiveTheSameBits() throws {
    let numbers = (0..<415).map { (place: Int) -> Float in Float(place * 7919 % 1000) / 512 - 1 }
    let x = Tensor(numbers, shape: [5, 83])
    let bytes = (0..<1152).map { (place: Int) -> UInt8 in UInt8(place * 131 % 256) }
    let codes = Tensor(bytes, shape: [24, 3, 16])
    let steps = (1...72).map { (place: Int) -> Float in Float(place) / 300 }
    let scales = Tensor(steps, shape: [24, 3])
    let graph = graph(
      "MatMulNBits", opset: 1, domain: "com.microsoft", inputs: [x, codes, scales],
      attributes: ["K": .int(83), "N": .int(24), "bits": .int(4), "block_size": .int(32)],
      constants: [1, 2])
    let expected = try Executor(graph, on: ReferenceBackend.shared).run(["input0": x])
    for device in try Device.all() {
      let backend = try OpenCLBackend(device)
      let executor = try Executor(graph, on: backend)
      #expect(try executor.run(["input0": x]) == expected)
      // The weights were dequantized when the executor was made.
      #expect(backend.hostOperations["BlockWeights"] == 1)
      _ = try executor.run(["input0": x])
      #expect(backend.hostOperations["BlockWeights"] == 1)
    }
  }
}
