import Tensors

/// Turns samples as they lie on the disk into what a model's inputs take.
struct Preparation: Sendable {
  let specification: DataSpecification
  let inputs: [ModelInput]

  /// A tensor for each input.
  ///
  /// - Parameter change: what is done to an image once it has the model's size.
  func inputs(
    of sample: RawSample, changedBy change: Augmentation.Change? = nil
  ) throws(DataError) -> [String: Tensor] {
    switch sample.content {
    case .image(let image):
      let input = try onlyInput(for: "an image", sample.name)
      return [input.name: try tensor(of: image, changedBy: change, for: input, sample.name)]
    case .tensor(let tensor):
      let input = try onlyInput(for: "one array", sample.name)
      return [input.name: try prepared(tensor, for: input, sample.name)]
    case .named(let tensors):
      var result: [String: Tensor] = [:]
      for input in inputs {
        guard let tensor = tensors[input.name] else {
          throw DataError("\(sample.name): has nothing for the model's input '\(input.name)'")
        }
        result[input.name] = try prepared(tensor, for: input, sample.name)
      }
      return result
    }
  }

  private func onlyInput(for what: String, _ name: String) throws(DataError) -> ModelInput {
    guard inputs.count == 1 else {
      let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
      throw DataError(
        "\(name): holds \(what), and the model has \(inputs.count) inputs (\(names)); use an .npz "
          + "with arrays of these names or test_data_set folders")
    }
    return inputs[0]
  }

  /// The type that the input is given.
  private func elementType(for input: ModelInput, _ name: String) throws(DataError) -> ElementType {
    guard let asked = specification.elementType, asked != input.elementType else {
      return input.elementType
    }
    throw DataError(
      "\(name): dtype=\(asked), and the model's input '\(input.name)' takes \(input.elementType)")
  }

  // MARK: - Arrays

  private func prepared(
    _ tensor: Tensor, for input: ModelInput, _ name: String
  ) throws(DataError) -> Tensor {
    let shape = try fittedShape(tensor.shape, for: input, name)
    let arithmetic = try ValueArithmetic(
      specification, shape: shape, layout: specification.layout, name)
    return try arithmetic.apply(
      to: tensor.reshaped(to: shape), as: elementType(for: input, name), name)
  }

  /// The shape with a batch dimension where the sample lacks it.
  private func fittedShape(
    _ shape: [Int], for input: ModelInput, _ name: String
  ) throws(DataError) -> [Int] {
    guard let wanted = input.shape else { return shape }
    func fits(_ extents: some Collection<Int>, _ wanted: some Collection<Int?>) -> Bool {
      zip(extents, wanted).allSatisfy { $1 == nil || $0 == $1 }
    }
    if shape.count == wanted.count {
      // One sample of a batch, or a whole one.
      if fits(shape, wanted) { return shape }
      if shape.first == 1, fits(shape.dropFirst(), wanted.dropFirst()) { return shape }
    } else if shape.count == wanted.count - 1 {
      if fits(shape, wanted.dropFirst()) { return [1] + shape }
    }
    let inner = wanted.dropFirst().compactMap { $0 }
    let count = shape.reduce(1, *)
    if shape.count != wanted.count, inner.count == wanted.count - 1,
      HostMemory.elementCount(of: inner) == count
    {
      return [1] + inner
    }
    throw DataError(
      "\(name): has shape \(shape), and the model's input '\(input.name)' takes "
        + input.shapeDescription)
  }

  // MARK: - Images

  private func tensor(
    of image: Image, changedBy change: Augmentation.Change?, for input: ModelInput, _ name: String
  ) throws(DataError) -> Tensor {
    var image = image
    if let channels = specification.channels {
      image = image.converted(toChannels: channels.count)
    }
    // Colours first, as the sizes do not depend on them and Python pipelines do it in this order.
    var size = specification.size(height: image.height, width: image.width)
    if let crop = specification.crop {
      guard size.height >= crop.height, size.width >= crop.width else {
        throw DataError("\(name): is \(size), too small for crop=\(crop); give resize=")
      }
      size = crop
    }
    guard let arrangement = arrangement(size, image.channels, input) else {
      throw DataError(
        "\(name): is \(size) with \(image.channels) channel\(image.channels == 1 ? "" : "s"), and the "
          + "model's input '\(input.name)' takes \(input.shapeDescription); give resize=, crop=, "
          + "channels= or layout=")
    }
    image = image.converted(toChannels: arrangement.channels)
    if let resize = specification.resize { image = image.resized(resize) }
    if let crop = specification.crop { image = image.croppedAtCentre(to: crop) }
    if let change { image = image.changed(by: change) }
    if specification.channels == .bgr { image = image.withChannelsReversed() }
    let shape =
      arrangement.layout == .nchw
      ? [1, image.channels, image.height, image.width]
      : [1, image.height, image.width, image.channels]
    let pixels = Tensor(arrangement.layout == .nchw ? image.planes() : image.pixels, shape: shape)
    let arithmetic = try ValueArithmetic(
      specification, shape: shape, layout: arrangement.layout, name)
    let tensor = try arithmetic.apply(to: pixels, as: elementType(for: input, name), name)
    return tensor.reshaped(to: arrangement.shape ?? shape)
  }

  /// How an image of a size goes into the input; `nil` when it does not.
  private func arrangement(
    _ size: DataSpecification.Size, _ channels: Int, _ input: ModelInput
  ) -> (layout: DataSpecification.Layout, channels: Int, shape: [Int]?)? {
    guard let wanted = input.shape else {
      return (specification.layout ?? .nchw, specification.channels?.count ?? channels, nil)
    }
    guard wanted.count == 4 else { return flat(size, channels, wanted) }
    for layout in DataSpecification.Layout.allCases
    where specification.layout == nil || layout == specification.layout {
      let extents = layout == .nchw ? [1, 2, 3].map { wanted[$0] } : [3, 1, 2].map { wanted[$0] }
      let count = specification.channels?.count ?? extents[0] ?? channels
      guard count == 1 || count == 3, (extents[0] ?? count) == count,
        (extents[1] ?? size.height) == size.height, (extents[2] ?? size.width) == size.width
      else { continue }
      return (layout, count, nil)
    }
    return nil
  }

  /// Inputs that are not four-dimensional take an image's values one after the other.
  private func flat(
    _ size: DataSpecification.Size, _ channels: Int, _ wanted: [Int?]
  ) -> (layout: DataSpecification.Layout, channels: Int, shape: [Int]?)? {
    let inner = wanted.dropFirst().compactMap { $0 }
    guard inner.count == wanted.count - 1 else { return nil }
    let candidates = specification.channels.map { [$0.count] } ?? [channels, 1, 3]
    let elements = HostMemory.elementCount(of: inner)
    for count in candidates where elements == count * size.height * size.width {
      return (specification.layout ?? .nchw, count, [1] + inner)
    }
    return nil
  }
}

extension DataSpecification {
  /// The size of an image after `resize`.
  fileprivate func size(height: Int, width: Int) -> Size {
    resize.map { Image.size(of: (height, width), after: $0) } ?? Size(height: height, width: width)
  }
}

extension ModelInput {
  /// The shape for messages: `[?, 3, 224, 224]`.
  var shapeDescription: String {
    guard let shape else { return "any shape" }
    return "[\(shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", "))]"
  }
}
