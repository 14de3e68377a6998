/// Samples of another source without their labels.
struct UnlabelledSource: SampleSource {
  let source: any SampleSource

  var count: Int { source.count }
  var takesImageOptions: Bool { source.takesImageOptions }

  func sample(at index: Int) throws -> RawSample {
    var sample = try source.sample(at: index)
    sample.label = nil
    return sample
  }
}
