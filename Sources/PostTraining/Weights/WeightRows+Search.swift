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

  /// The symmetric quantizer of every row or of its negatives, whichever is closer.
  func searchSigned<B: Backend>(
    levels: Int, method: RangeMethod, on backend: B
  ) throws -> [SignedQuantizer] {
    let turned = mirrored([Bool](repeating: true, count: count))
    guard case .mse = method else {
      // By one method the smaller scale reaches as far.
      return try zip(
        search(levels: levels, method: method, on: backend),
        turned.search(levels: levels, method: method, on: backend)
      ).map { own, other in
        other.scale < own.scale
          ? SignedQuantizer(quantizer: other, isMirrored: true) : SignedQuantizer(quantizer: own)
      }
    }
    let fits = try [self, turned].map { rows in
      try backend.searchQuantizers(
        backend.upload(rows.values), rowEnds: ends, levels: levels, scheme: .symmetric)
    }
    return zip(fits[0], fits[1]).map { own, other in
      other.error < own.error
        ? SignedQuantizer(quantizer: other.quantizer, isMirrored: true)
        : SignedQuantizer(quantizer: own.quantizer)
    }
  }
}
