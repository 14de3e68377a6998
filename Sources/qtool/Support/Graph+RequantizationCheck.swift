import LowBit

extension Graph {
  /// Throws unless every node on codes has a form in the arithmetic that the metadata name, so that no
  /// model is written that its engine refuses.
  ///
  /// - Parameter path: The model that the graph was made of.
  func checkRequantization(of path: String) throws {
    guard try requantization() != .float else { return }
    do {
      _ = try IntegerNetwork(self)
    } catch let error as GraphError {
      throw GraphError.unsupported("\(path): \(error); --skip leaves a node in float")
    }
  }
}
