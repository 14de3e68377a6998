import Operations
import Synchronization
import Tensors

/// A value between two nodes: a tensor on the host, a value on the backend, or both.
///
/// What is needed in the other place is moved there once and kept, so that a constant travels to a
/// device at the first read only, and the integers of shape arithmetic never do.
final class Operand<B: Backend>: Sendable {
  private struct Places: Sendable {
    var tensor: Tensor?
    var value: B.Value?
  }

  /// The type of the elements.
  let elementType: ElementType
  /// The extent of every dimension.
  let shape: [Int]
  /// Whether the value was made on the host.
  let isFromHost: Bool

  private let places: Mutex<Places>

  /// A value that was made on the host.
  init(_ tensor: Tensor) {
    elementType = tensor.elementType
    shape = tensor.shape
    isFromHost = true
    places = Mutex(Places(tensor: tensor, value: nil))
  }

  /// A value that was made on the backend.
  init(value: B.Value) {
    elementType = value.elementType
    shape = value.shape
    isFromHost = false
    places = Mutex(Places(tensor: nil, value: value))
  }

  /// The number of elements.
  var count: Int { shape.reduce(1, *) }

  /// The value on `backend`.
  func value(on backend: B) throws -> B.Value {
    try places.withLock { places in
      if let value = places.value { return value }
      guard let tensor = places.tensor else { preconditionFailure("a value is nowhere") }
      let value = try backend.upload(tensor)
      places.value = value
      return value
    }
  }

  /// The value on the host.
  func tensor(from backend: B) throws -> Tensor {
    try places.withLock { places in
      if let tensor = places.tensor { return tensor }
      guard let value = places.value else { preconditionFailure("a value is nowhere") }
      let tensor = try backend.download(value)
      places.tensor = tensor
      return tensor
    }
  }

  /// The tensor of a value that was made on the host and has at most `limit` elements.
  func smallTensor(limit: Int) -> Tensor? {
    guard isFromHost, count <= limit else { return nil }
    return places.withLock { $0.tensor }
  }
}
