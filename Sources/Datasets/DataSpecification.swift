public import Tensors

/// Where data are and how a model wants them: a path, with options after `?`.
///
///     images/?resize=256&crop=224&scale=1/255&mean=0.485,0.456,0.406&std=0.229,0.224,0.225
///
/// What the path holds is recognised by content. Values reach the model as
/// `(x * scale - mean) / std`.
public struct DataSpecification: Sendable, Hashable {
  /// The specification as it was given.
  public internal(set) var text: String

  /// The specification without `batch`, which changes no result: what statistics and written models
  /// record of their data.
  public var identity: String {
    guard let mark = text.firstIndex(of: "?") else { return text }
    let options = text[text.index(after: mark)...].split(separator: "&")
      .filter { !$0.hasPrefix("batch=") }
    return options.isEmpty ? path : "\(path)?\(options.joined(separator: "&"))"
  }

  /// The same data, of which `count` samples are taken.
  public func limited(to count: Int) -> DataSpecification {
    var other = self
    let mark = text.firstIndex(of: "?") ?? text.endIndex
    let options = text[mark...].dropFirst().split(separator: "&").map(String.init)
      .filter { !$0.hasPrefix("limit=") }
    other.text = "\(path)?\((options + ["limit=\(count)"]).joined(separator: "&"))"
    other.limit = count
    return other
  }

  /// The path before the `?`, or `random:N`.
  public internal(set) var path: String

  /// Samples passed over, after the shuffle.
  public var offset = 0

  /// The number of samples taken after `offset`; `nil` takes all.
  public var limit: Int?

  /// The seed of the order of the samples; `nil` leaves them as they lie.
  public var shuffle: UInt64?

  /// Samples in a batch where the model leaves it open; `nil` leaves the choice to the command.
  public var batch: Int?

  /// Factor of every value.
  public var scale = Fraction(1)

  /// What is subtracted after scaling: nothing, one number, or one for each channel.
  public var mean: [Fraction] = []

  /// What the difference is divided by: nothing, one number, or one for each channel.
  public var standardDeviation: [Fraction] = []

  /// The size that images are brought to before ``crop``.
  public var resize: Resize?

  /// Height and width that are cut from the centre.
  public var crop: Size?

  /// The colours that the model wants; `nil` takes the model's number of channels.
  public var channels: Channels?

  /// Where the model wants the channels; `nil` infers it from the model's input.
  public var layout: Layout?

  /// The type that the model is given; `nil` takes the model's.
  public var elementType: ElementType?

  /// A file of labels.
  public var labels: String?

  /// Whether labels are left aside that the data have.
  public var ignoresLabels = false

  /// The order of the dimensions of a batch of images.
  public enum Layout: String, Sendable, CaseIterable {
    /// Samples, channels, rows, columns.
    case nchw
    /// Samples, rows, columns, channels.
    case nhwc
  }

  /// The colours of an image.
  public enum Channels: String, Sendable, CaseIterable {
    /// Luma of ITU-R BT.601: `0.299 R + 0.587 G + 0.114 B`.
    case gray
    /// Red, green, blue.
    case rgb
    /// Blue, green, red.
    case bgr

    /// How many they are.
    public var count: Int { self == .gray ? 1 : 3 }
  }

  /// Height and width in pixels.
  public struct Size: Sendable, Hashable, CustomStringConvertible {
    /// Rows.
    public var height: Int
    /// Columns.
    public var width: Int

    /// Makes a size.
    public init(height: Int, width: Int) {
      self.height = height
      self.width = width
    }

    /// `HEIGHTxWIDTH`
    public var description: String { "\(height)x\(width)" }
  }

  /// How images are resized.
  public enum Resize: Sendable, Hashable {
    /// The shorter side to a number of pixels, the other in proportion. The number may be a fraction:
    /// sides are rounded, half to even, after they are multiplied.
    case shortSide(Fraction)
    /// Both sides, without regard to proportion.
    case exactly(Size)
  }
}

/// What is wrong with a ``DataSpecification``: the message names the option.
public struct DataSpecificationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The message.
  public let description: String

  init(_ text: String, _ message: String) { description = "data '\(text)': \(message)" }

  init(message: String) { description = message }
}

/// A number as it was written: `1/255` stays a numerator and a denominator, so that `x * 1/255` is
/// rounded once.
public struct Fraction: Sendable, Hashable {
  /// Above the line.
  public let numerator: Double
  /// Below the line; never zero.
  public let denominator: Double

  /// A whole number or a decimal fraction.
  public init(_ value: Double) {
    self.init(value, over: 1)
  }

  private init(_ numerator: Double, over denominator: Double) {
    self.numerator = numerator
    self.denominator = denominator
  }

  /// `3`, `0.25`, `1/255`, `128/0.875`; `nil` when the text is neither.
  public init?(parsing text: Substring) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let numerator = Double(parts[0]), numerator.isFinite
    else { return nil }
    guard parts.count == 2 else {
      self.init(numerator)
      return
    }
    guard let denominator = Double(parts[1]), denominator.isFinite, denominator != 0
    else { return nil }
    self.init(numerator, over: denominator)
  }

  /// The nearest `Double`.
  public var value: Double { numerator / denominator }
}
