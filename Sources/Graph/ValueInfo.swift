public import Tensors

/// What is known about a value before anything is computed.
public struct ValueInfo: Sendable, Hashable {
  /// The value's name.
  public var name: String

  /// The type of its elements.
  public var elementType: ElementType

  /// Its dimensions, or `nil` when not even their number is known.
  public var shape: [Dimension]?

  /// ONNX's `doc_string` of the value.
  public var documentation: String

  /// Makes a description of the value `name`.
  public init(
    name: String, elementType: ElementType, shape: [Dimension]? = nil, documentation: String = ""
  ) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.documentation = documentation
  }
}

/// The extent of one dimension.
public enum Dimension: Sendable, Hashable {
  /// Known when the model was written.
  case fixed(Int)
  /// Known by a name; equal names mean equal extents.
  case symbolic(String)
  /// Anything.
  case unknown
}
