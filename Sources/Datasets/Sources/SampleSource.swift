import Tensors

/// Samples as they lie on the disk, before they are prepared for a model.
protocol SampleSource: Sendable {
  /// How many there are.
  var count: Int { get }

  /// Whether `resize`, `crop` and `channels` mean something for them.
  var takesImageOptions: Bool { get }

  /// Reads one.
  func sample(at index: Int) throws -> RawSample
}

/// A sample as it lies on the disk.
struct RawSample {
  enum Content {
    case image(Image)
    /// One tensor for the model's only input.
    case tensor(Tensor)
    /// Tensors by input name.
    case named([String: Tensor])
  }

  var content: Content
  var label: Label?
  /// File, or file and index, for messages.
  var name: String
}
