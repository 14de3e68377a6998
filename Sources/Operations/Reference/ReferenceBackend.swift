public import Tensors

/// The CPU reference: the specification of every operation.
///
/// Written to be obvious. Work is split over threads along outer loops only, so results do not
/// depend on their number.
public final class ReferenceBackend: Backend {
  /// Shared by everybody who needs the reference; it has no state.
  public static let shared = ReferenceBackend()

  /// Makes a reference backend.
  public init() {}

  /// `reference`
  public var name: String { "reference" }

  /// The tensor itself.
  public func upload(_ tensor: Tensor) -> Tensor { tensor }

  /// The tensor itself.
  public func download(_ value: Tensor) -> Tensor { value }

  /// A view.
  public func reshape(_ value: Tensor, to shape: [Int]) -> Tensor { value.reshaped(to: shape) }
}
