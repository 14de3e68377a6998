public import Datasets
public import Tensors

/// The targets of samples with labels.
public struct LabelTargets: Sendable {
  /// The shape of the targets of a batch: samples first, then one place a class.
  public let shape: [Int]

  /// Classes.
  public var classes: Int { shape.dropFirst().reduce(1, *) }

  /// - Parameter shape: The shape of the network's output for a batch.
  public init(shape: [Int]) { self.shape = shape }

  /// A 1 at the place of each sample's class, 0 elsewhere.
  ///
  /// - Throws: ``Datasets/DataError`` naming the sample without a label or with one out of range.
  public func targets(of batch: Batch) throws(DataError) -> Tensor {
    let classes = try batch.samples.map { sample throws(DataError) in
      guard let label = sample.label else {
        throw DataError("\(sample.name): has no label; train without labels by distillation")
      }
      guard (0..<self.classes).contains(label.index) else {
        throw DataError(
          "\(sample.name): has label \(label.index), and the model's output has \(self.classes) "
            + "classes: labels from 0 to \(self.classes - 1)")
      }
      return label.index
    }
    return Tensor(shape: shape) { (values: UnsafeMutableBufferPointer<Float>) in
      for (row, index) in classes.enumerated() { values[row * self.classes + index] = 1 }
    }
  }
}

extension LabelTargets {
  /// For ``Loss/distillation(temperature:labelWeight:)`` with labels: each sample's row of
  /// ``targets(of:)`` with that of a teacher's `answers` behind it.
  ///
  /// - Throws: As ``targets(of:)``.
  public func targets(of batch: Batch, with answers: Tensor) throws(DataError) -> Tensor {
    precondition(answers.shape == shape, "answers are not of the shape of labels")
    let labels = try targets(of: batch).array(of: Float.self)
    let answers = answers.array(of: Float.self)
    let rows = stride(from: 0, to: labels.count, by: classes).map { $0..<$0 + classes }
    return Tensor(
      rows.flatMap { labels[$0] + answers[$0] },
      shape: shape.dropLast() + [2 * (shape.last ?? 1)])
  }
}

extension Batch {
  /// Samples whose label is the largest of its row in `output`, the first of equal ones; `nil` where
  /// a sample has no label or `output` is not a row of classes for each.
  func correctCount(_ output: Tensor) -> Int? {
    guard output.elementType == .float32, output.count % rows == 0, samples.count == rows else {
      return nil
    }
    let length = output.count / rows
    return output.withElements(of: Float.self) { values -> Int? in
      var count = 0
      for (row, sample) in samples.enumerated() {
        guard let label = sample.label?.index, (0..<length).contains(label) else { return nil }
        var best = 0
        for index in 1..<max(length, 1)
        where values[row * length + index] > values[row * length + best] {
          best = index
        }
        if best == label { count += 1 }
      }
      return count
    }
  }
}
