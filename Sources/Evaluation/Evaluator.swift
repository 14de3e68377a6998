public import Datasets
public import Execution
import Graph
public import Operations
import Tensors

/// Runs a model, and perhaps a reference model, over data and keeps the score.
///
/// With labels the score is top-1 and top-5, with super-resolution pairs PSNR; with a reference
/// model, always the signal-to-noise ratio against its output.
public struct Evaluator<B: Backend>: Sendable {
  private let model: Executor<B>
  private let reference: Executor<B>?
  private let output: String

  /// - Parameters:
  ///   - model: the model that is scored.
  ///   - reference: a model with the same inputs.
  ///   - output: the output that is scored; `nil` takes the first.
  /// - Throws: ``Graph/GraphError`` when there is no such output, or the models' inputs differ.
  public init(_ model: Executor<B>, reference: Executor<B>? = nil, output: String? = nil) throws {
    let names = model.graph.outputs.map(\.name)
    guard let chosen = output ?? names.first, names.contains(chosen) else {
      throw GraphError.invalid(
        "there is no output '\(output ?? "")'; the model's are \(names.joined(separator: ", "))")
    }
    if let reference {
      let own = model.graph.inputs.map(\.name).sorted()
      let other = reference.graph.inputs.map(\.name).sorted()
      guard own == other else {
        throw GraphError.invalid(
          "the reference model's inputs are \(other.joined(separator: ", ")), the model's "
            + own.joined(separator: ", "))
      }
    }
    self.model = model
    self.reference = reference
    self.output = chosen
  }

  /// Scores every sample.
  ///
  /// - Parameters:
  ///   - data: the samples.
  ///   - batch: samples in a batch, and whether the model takes no other number.
  ///   - progress: called with the number of samples after each batch.
  /// - Throws: ``Datasets/DataError`` when there is nothing to score by, and what reading and running
  ///   throw.
  public func evaluate(
    _ data: any Dataset, batch: (size: Int, isFixed: Bool), progress: (Int) -> Void = { _ in }
  ) throws -> Evaluation {
    let start = ContinuousClock.now
    var result: Evaluation
    if let pairs = data as? SuperResolutionPairs {
      result = try enlarge(pairs, progress)
    } else {
      result = try classify(data, batch, progress)
    }
    let seconds = (ContinuousClock.now - start).components
    result.seconds = Double(seconds.seconds) + Double(seconds.attoseconds) * 1e-18
    return result
  }

  // MARK: - Labels and signal-to-noise ratio

  private func classify(
    _ data: any Dataset, _ batch: (size: Int, isFixed: Bool), _ progress: (Int) -> Void
  ) throws -> Evaluation {
    var tally = Tally()
    try data.forEachBatch(of: batch.size, isFixed: batch.isFixed) { batch in
      let rows = try rows(of: model, batch)
      let others = try reference.map { try self.rows(of: $0, batch) }
      for (index, sample) in batch.samples.enumerated() {
        try tally.add(
          rows.values[index], shape: rows.shape, reference: others?.values[index], sample)
      }
      progress(batch.samples.count)
    }
    guard tally.hasLabels || reference != nil else {
      throw DataError(
        file: data.name,
        "has no labels, so there is nothing to score by; give labels=, or a "
          + "reference model to compare outputs with")
    }
    if let shape = tally.unclassifiedShape, reference == nil {
      throw GraphError.unsupported(
        "the output '\(output)' has shape \(shape) for a sample, not a number for each class; score "
          + "another output, or compare with a reference model")
    }
    var result = tally.evaluation
    result.batch = batch.size
    return result
  }

  /// The scored output of each sample of a batch, and its shape.
  private func rows(
    of executor: Executor<B>, _ batch: Batch
  ) throws -> (values: [ArraySlice<Double>], shape: [Int]) {
    let tensor = try scoredOutput(of: executor, try executor.run(batch.inputs))
    let values = tensor.doubles()
    guard values.count % batch.rows == 0, values.count > 0 else {
      throw GraphError.invalid(
        "the output '\(output)' has shape \(tensor.shape), which is not a row for each of "
          + "\(batch.rows) samples")
    }
    let length = values.count / batch.rows
    let shape = Array(
      tensor.shape.first == batch.rows ? tensor.shape.dropFirst() : tensor.shape[...])
    return (batch.samples.indices.map { values[$0 * length..<($0 + 1) * length] }, shape)
  }

  /// The output that is scored; of a reference model the one of the same name, or of the same place.
  func scoredOutput(of executor: Executor<B>, _ outputs: [String: Tensor]) throws -> Tensor {
    if let tensor = outputs[output] { return tensor }
    let place = model.graph.outputs.firstIndex { $0.name == output } ?? 0
    guard executor.graph.outputs.indices.contains(place),
      let tensor = outputs[executor.graph.outputs[place].name]
    else { throw GraphError.invalid("the reference model has no output '\(output)'") }
    return tensor
  }

  // MARK: - Super-resolution

  private func enlarge(
    _ pairs: SuperResolutionPairs, _ progress: (Int) -> Void
  ) throws -> Evaluation {
    var result = Evaluation()
    var noise = SignalToNoise()
    var total = 0.0
    var referenceTotal = 0.0
    for index in 0..<pairs.count {
      let (name, low, high) = try pairs.pair(at: index)
      let picture = try enlarged(low, by: model, pairs.input, name)
      if picture.values.contains(where: \.isNaN) { result.samplesWithNaN += 1 }
      total += try Enlargement.psnr(of: picture, against: high, from: low, name)
      if let reference {
        let other = try enlarged(low, by: reference, pairs.input, name)
        referenceTotal += try Enlargement.psnr(of: other, against: high, from: low, name)
        for (value, expected) in zip(picture.values, other.values) {
          noise.add(value, reference: expected)
        }
      }
      result.samples += 1
      progress(1)
    }
    result.psnr = total / Double(result.samples)
    if reference != nil {
      result.sqnr = noise.decibels
      result.referencePSNR = referenceTotal / Double(result.samples)
    }
    return result
  }

  private func enlarged(
    _ low: SuperResolutionPairs.Plane, by executor: Executor<B>, _ input: ModelInput, _ name: String
  ) throws -> SuperResolutionPairs.Plane {
    let tile = (height: input.shape?[2] ?? low.height, width: input.shape?[3] ?? low.width)
    return try Enlargement.enlarge(low, tile: tile, name) { values in
      let tensor = Tensor(values, shape: [1, 1, tile.height, tile.width])
      return try scoredOutput(of: executor, try executor.run([input.name: tensor]))
    }
  }
}
