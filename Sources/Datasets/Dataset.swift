public import Tensors

/// Samples for a model, read when they are asked for.
///
/// Memory does not grow with the number of samples. `sample(at:)` may be called from several threads
/// and in any order; the same index gives the same bytes.
public protocol Dataset: Sendable {
  /// How many samples there are, after `limit` and `offset`.
  var count: Int { get }

  /// What messages and reports call the data: the specification as it was given.
  var name: String { get }

  /// Sample `index`, ready for the model.
  ///
  /// - Throws: ``DataError`` naming file and sample.
  func sample(at index: Int) throws -> Sample
}

/// One sample, ready for the model.
public struct Sample: Sendable {
  /// A tensor for each of the model's inputs by its name. Where the input has a batch dimension it is
  /// there, with extent 1.
  public var inputs: [String: Tensor]

  /// What the sample is, where the data say it.
  public var label: Label?

  /// File, or file and index, for messages.
  public var name: String

  /// Makes a sample.
  public init(inputs: [String: Tensor], label: Label? = nil, name: String) {
    self.inputs = inputs
    self.label = label
    self.name = name
  }
}

/// The class of a sample.
public struct Label: Sendable, Hashable {
  /// The class's index in the model's output.
  public var index: Int

  /// The class's name, where the data have one.
  public var name: String?

  /// Makes a label.
  public init(index: Int, name: String? = nil) {
    self.index = index
    self.name = name
  }
}

/// What a model wants to be given, as far as data depend on it.
public struct ModelInput: Sendable, Hashable {
  /// The input's name.
  public var name: String

  /// The type of its elements.
  public var elementType: ElementType

  /// Its extents, `nil` where the model leaves one open; the first is the batch. `nil` where not
  /// even the rank is known.
  public var shape: [Int?]?

  /// Describes an input.
  public init(name: String, elementType: ElementType, shape: [Int?]?) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }
}
