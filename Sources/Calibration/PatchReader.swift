package import Tensors

/// Reads the patches that a layer's filters meet out of a value on the host.
package struct PatchReader {
  /// Numbers of a patch: channel after channel the taps of the kernel.
  package let length: Int
  private let channels: Int
  /// Parts of a value that are read one by one: its samples, or more where one has several images.
  package let images: Int
  private let places: [[Int?]]
  private let channelStep: Int
  private let placeStep: Int
  private let imageStep: Int

  /// - Parameters:
  ///   - geometry: The patches.
  ///   - shape: The value's extents.
  ///   - samples: How many samples lie along its first dimension.
  ///   - limit: Patches of a sample that are looked at; they are the same in every value of the shape.
  /// - Returns: `nil` where the value has no such patches.
  package init?(_ geometry: PatchGeometry, shape: [Int], samples: Int, limit: Int) {
    let count = shape.reduce(1, *)
    guard shape.count > 1, count > 0 else { return nil }
    let isLast = geometry.channelAxis == .last
    channels = isLast ? shape[shape.count - 1] : shape[1]
    guard !isLast || shape[0].isMultiple(of: samples) else { return nil }
    images = isLast ? samples : shape[0]
    var extents = isLast ? [count / channels / images] : Array(shape[2...])
    if geometry.kernel.isEmpty { extents = [extents.reduce(1, *)] }
    places = geometry.places(in: extents, limit: limit)
    guard !places.isEmpty, channels.isMultiple(of: geometry.groups) else { return nil }
    let all = extents.reduce(1, *)
    (channelStep, placeStep) = isLast ? (1, channels) : (all, 1)
    imageStep = channels * all
    length = channels * geometry.taps
  }

  /// The patches of an image, one after the other.
  package func patches(of value: Tensor, image: Int) -> [Double] {
    value.withElements(of: Float.self) { elements in
      var patches: [Double] = []
      patches.reserveCapacity(places.count * length)
      for patch in places {
        for channel in 0..<channels {
          let first = image * imageStep + channel * channelStep
          for place in patch {
            patches.append(place.map { Double(elements[first + $0 * placeStep]) } ?? 0)
          }
        }
      }
      return patches
    }
  }
}
