public import Tensors

/// A matrix product of floats to be computed.
public struct MatrixProductCase: Sendable, CustomStringConvertible {
  /// What is special about the case.
  public let name: String
  /// `[..., M, K]`
  public let a: Tensor
  /// `[..., K, N]`
  public let b: Tensor

  /// The name.
  public var description: String { name }

  /// Random values.
  public init(_ name: String, _ a: [Int], _ b: [Int], extreme: Bool = false) {
    var samples = SampleValues(seed: 4)
    func make(_ shape: [Int]) -> Tensor {
      extreme ? samples.extremeFloats(shape, period: 60, denormals: false) : samples.floats(shape)
    }
    self.name = name
    self.a = make(a)
    self.b = make(b)
  }

  /// The cases that every backend must compute alike.
  public static let all = [
    MatrixProductCase("small", [3, 4], [4, 5]),
    MatrixProductCase("one row, long sum", [1, 600], [600, 70]),
    MatrixProductCase("one column", [37, 300], [300, 1]),
    MatrixProductCase("tails everywhere", [45, 513], [513, 67]),
    MatrixProductCase("whole tiles", [48, 256], [256, 64]),
    MatrixProductCase("batch", [3, 10, 20], [3, 20, 33]),
    MatrixProductCase("attention", [2, 3, 17, 16], [2, 3, 16, 17]),
    MatrixProductCase("right factor shared", [4, 9, 40], [40, 35]),
    MatrixProductCase("left factor shared", [9, 40], [2, 3, 40, 18]),
    MatrixProductCase("broadcast both ways", [2, 1, 5, 8], [1, 3, 8, 6]),
    MatrixProductCase("no rows", [0, 4], [4, 5]),
    MatrixProductCase("empty sum", [3, 0], [0, 5]),
    MatrixProductCase("no matrix", [0, 3, 4], [4, 5]),
    MatrixProductCase("infinities and NaN", [20, 30], [30, 40], extreme: true),
  ]
}

/// A matrix product of 8-bit codes to be computed.
public struct CodeMatrixProductCase: Sendable, CustomStringConvertible {
  /// What is special about the case.
  public let name: String
  /// `[..., M, K]`
  public let a: Tensor
  /// A scalar, one value a row, or one a row of every matrix.
  public let aZeroPoint: Tensor?
  /// `[..., K, N]`
  public let b: Tensor
  /// A scalar, one value a column, or one a column of every matrix.
  public let bZeroPoint: Tensor?

  /// The name.
  public var description: String { name }

  /// Random codes and zero points of the given shapes.
  public init(
    _ name: String, _ a: [Int], _ aType: ElementType, zeroPoint aZeroPoint: [Int]?, _ b: [Int],
    _ bType: ElementType, zeroPoint bZeroPoint: [Int]?
  ) {
    var samples = SampleValues(seed: 5)
    self.name = name
    self.a = samples.codes(a, as: aType)
    self.b = samples.codes(b, as: bType)
    self.aZeroPoint = aZeroPoint.map { samples.codes($0, as: aType) }
    self.bZeroPoint = bZeroPoint.map { samples.codes($0, as: bType) }
  }

  /// The cases that every backend must compute alike.
  public static let all = [
    CodeMatrixProductCase(
      "uint8 by int8", [13, 300], .uint8, zeroPoint: [], [300, 45], .int8, zeroPoint: []),
    CodeMatrixProductCase(
      "a zero point a row and a column", [9, 33], .int8, zeroPoint: [9], [33, 20], .uint8,
      zeroPoint: [20]),
    CodeMatrixProductCase(
      "batch, a zero point a column of every matrix", [2, 5, 16], .uint8, zeroPoint: [2, 5, 1],
      [2, 16, 7], .uint8, zeroPoint: [2, 1, 7]),
    CodeMatrixProductCase(
      "right factor shared", [3, 6, 40], .int8, zeroPoint: nil, [40, 36], .int8, zeroPoint: nil),
    CodeMatrixProductCase(
      "one row", [1, 520], .uint8, zeroPoint: [], [520, 40], .int8, zeroPoint: [40]),
    CodeMatrixProductCase(
      "empty sum", [2, 0], .uint8, zeroPoint: [], [0, 3], .int8, zeroPoint: []),
  ]
}
