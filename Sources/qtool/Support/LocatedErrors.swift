import LowBit

/// What `body` throws about a graph, with the name of its file.
func located<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as GraphError {
    throw error.located(in: path)
  }
}
