import Operations
import Tensors

/// Patches of a value while the backend gathers them.
struct PendingPatches<B: Backend> {
  let geometry: PatchGeometry
  let layout: PatchMoments.Layout
  /// For every patch and tap an index into the places that were gathered.
  private let places: [[Int?]]
  private let placeCount: Int
  /// `[samples, channels, places]`, or `[samples, places, channels]` where channels are last.
  private let gathered: B.Value
  private let sampleCount: Int

  /// Elements that are held.
  var count: Int { gathered.count }

  /// Starts to gather; `nil` where the value has no such patches.
  ///
  /// The samples lie along the first dimension. Where that has more indices than there are samples,
  /// there is but one: an index is another image of it, or another row.
  init?(_ geometry: PatchGeometry, of value: B.Value, samples: Int, on backend: B) throws {
    guard value.rank > 1, value.count > 0 else { return nil }
    let isLast = geometry.channelAxis == .last
    let channels = isLast ? value.shape[value.rank - 1] : value.shape[1]
    let images = isLast && samples == 1 ? 1 : value.shape[0]
    var extents = isLast ? [value.count / channels / images] : Array(value.shape[2...])
    if geometry.kernel.isEmpty { extents = [extents.reduce(1, *)] }
    guard
      let layout = PatchMoments.Layout(
        channels: channels, taps: geometry.taps, groups: geometry.groups)
    else { return nil }
    let places = geometry.places(
      in: extents, limit: PatchGeometry.patchLimit(elements: layout.unitCount))
    let needed = Set(places.joined().compactMap { $0 }).sorted()
    guard !needed.isEmpty else { return nil }
    let all = extents.reduce(1, *)
    let flat = try backend.reshape(
      value, to: isLast ? [images, all, channels] : [images, channels, all])
    if needed.count < all {
      gathered = try backend.gather(
        flat, indices: backend.upload(Tensor(needed.map(Int64.init))), axis: isLast ? 1 : 2)
      let order = Dictionary(uniqueKeysWithValues: needed.enumerated().map { ($1, $0) })
      self.places = places.map { $0.map { place in place.flatMap { order[$0] } } }
    } else {
      gathered = flat
      self.places = places
    }
    placeCount = needed.count
    sampleCount = images
    self.geometry = geometry
    self.layout = layout
  }

  /// Waits for the patches; samples with elements that are not finite are left out.
  func samples(from backend: B) throws -> [SamplePatches] {
    let tensor = try backend.download(gathered)
    let channels = layout.channels
    let (channelStep, placeStep) =
      geometry.channelAxis == .last ? (1, channels) : (placeCount, 1)
    return tensor.withElements(of: Float.self) { elements in
      (0..<sampleCount).compactMap { sample in
        let first = sample * channels * placeCount
        return SamplePatches(layout, places: places) { channel, place in
          elements[first + channel * channelStep + place * placeStep]
        }
      }
    }
  }
}
