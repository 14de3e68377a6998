import Operations
import Quantization
import Tensors

extension WeightRows {
  /// The symmetric quantizer of every row.
  func search<B: Backend>(
    levels: Int, method: RangeMethod, on backend: B
  ) throws -> [Quantizer] {
    switch method {
    case .minmax:
      return (0..<count).map { row in
        withRow(row) { Quantizer(spanning: $0, levels: levels, scheme: .symmetric) }
      }
    case .percentile, .entropy:
      return (0..<count).map { row in
        Quantization.quantizer(
          from: Histogram(self.row(row)), method: method, levels: levels, scheme: .symmetric)
      }
    case .mse:
      guard isRectangular, count > 0 else {
        return try (0..<count).flatMap { row in
          let one = self.row(row)
          return try backend.searchQuantizers(
            rows: backend.upload(Tensor(one, shape: [1, one.count])), levels: levels,
            scheme: .symmetric
          ).map(\.quantizer)
        }
      }
      let table = values.reshaped(to: [count, values.count / count])
      return try backend.searchQuantizers(
        rows: backend.upload(table), levels: levels, scheme: .symmetric
      ).map(\.quantizer)
    }
  }
}
