import Operations
import Quantization
import Tensors

extension WeightRows {
  /// The quantizer of every row.
  func search<B: Backend>(
    levels: Int, method: RangeMethod, scheme: Scheme = .symmetric, on backend: B
  ) throws -> [Quantizer] {
    switch method {
    case .minmax:
      return (0..<count).map { row in
        withRow(row) { Quantizer(spanning: $0, levels: levels, scheme: scheme) }
      }
    case .percentile, .entropy:
      return (0..<count).map { row in
        Quantization.quantizer(
          from: Histogram(self.row(row)), method: method, levels: levels, scheme: scheme)
      }
    case .mse, .crossEntropy:
      return try backend.searchQuantizers(
        backend.upload(values), rowEnds: ends, levels: levels, scheme: scheme
      ).map(\.quantizer)
    }
  }
}
