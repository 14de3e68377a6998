import Checksums

extension Observations {
  /// A part of what was seen: the same whether values were observed for these settings alone or for
  /// all that could be.
  ///
  /// - Parameters:
  ///   - names: The values that are kept.
  ///   - channels: Those of them whose channels' means are kept.
  ///   - patches: The patches whose moments are kept, by value.
  public func restricted(
    to names: Set<String>, channels: Set<String>, patches: [String: Set<PatchGeometry>]
  ) -> Observations {
    var kept: [String: TensorStatistics] = [:]
    for (name, tensor) in tensors where names.contains(name) {
      var tensor = tensor
      if !channels.contains(name) { tensor.channels = nil }
      let wanted = patches[name] ?? []
      tensor.patches = tensor.patches.filter { wanted.contains($0.key) }
      kept[name] = tensor
    }
    return Observations(sources: sources, tensors: kept)
  }

  /// SHA-256 of the numbers that were seen, in the form of a file of ``Statistics`` that names no
  /// sources: the same numbers have the same digest wherever the data lie.
  ///
  /// - Parameter modelDigest: SHA-256 of the model's file.
  public func digest(modelDigest: [UInt8]) -> [UInt8] {
    SHA256.digest(
      of: Statistics(modelDigest: modelDigest, sources: [], tensors: tensors).encoded())
  }
}
