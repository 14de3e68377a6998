import Operations
public import Quantization
import Tensors

extension OpenCLBackend {
  /// The quantizer of the least squared error found for every histogram: tables made on the host,
  /// searched by `Kernels/search/tables.cl`.
  public func searchQuantizers(
    _ histograms: [Histogram], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    guard let bins = histograms.first?.binsPerSide else { return [] }
    guard histograms.allSatisfy({ $0.binsPerSide == bins }) else {
      return try histograms.flatMap {
        try searchQuantizers([$0], levels: levels, scheme: scheme)
      }
    }
    // Twelve bytes an entry.
    let batch = max(1, (64 << 20) / (24 * (bins + 1)))
    var fits: [QuantizerFit] = []
    for first in stride(from: 0, to: histograms.count, by: batch) {
      let some = histograms[first..<min(first + batch, histograms.count)]
      fits += try search(some, bins: bins, SearchSettings(levels, scheme, facts))
    }
    return fits
  }

  private func search(
    _ histograms: ArraySlice<Histogram>, bins: Int, _ settings: SearchSettings
  ) throws -> [QuantizerFit] {
    let sources = histograms.map {
      ExcessTable.make(from: $0, levels: settings.levels, scheme: settings.scheme)
    }
    let tables = sources.compactMap { $0 }
    let found: [SearchCandidate]
    if tables.isEmpty {
      found = []
    } else {
      let length = 2 * (bins + 1)
      let counts = joined(tables.map(\.table.counts), length)
      let excesses = joined(tables.map(\.table.excesses), length)
      let grids = Tensor(tables.flatMap { words($0.grid, $0.table) }, shape: [tables.count, 8])
      let results = try makeValue(.uint64, [tables.count, SearchResult.words])
      let groups = min(tables.count, settings.groups(facts))
      try launch(
        settings.kernel("search/tables.cl", "search_tables", bins: bins, ["SPREAD"]),
        global: [groups * settings.workItems], local: [settings.workItems], upload(counts),
        upload(excesses), upload(grids), results, UInt32(tables.count))
      found = SearchResult.read(try download(results)).map(\.candidate)
    }
    var next = found.makeIterator()
    return zip(histograms, sources).map { histogram, source in
      guard let source, let candidate = next.next() else {
        return QuantizerSearch.spanning(
          histogram, levels: settings.levels, scheme: settings.scheme)
      }
      return QuantizerSearch.fit(histogram, candidate, source.grid)
    }
  }

  private func joined<Word: TensorScalar>(_ parts: [[Word]], _ length: Int) -> Tensor {
    Tensor(shape: [parts.count, length]) { (words: UnsafeMutableBufferPointer<Word>) in
      for (index, part) in parts.enumerated() {
        _ = words[(index * length)...].update(fromContentsOf: part)
      }
    }
  }

  private func words(_ grid: ScaleGrid, _ table: ExcessTable) -> [Int32] {
    let (lowest, highest) = (grid.multiples.lowerBound, grid.multiples.upperBound)
    return [
      grid.exponent, grid.start, lowest, highest, table.thresholdBits, table.tickBits, 0, 0,
    ].map { Int32($0) }
  }

  /// The quantizer of the least squared error found for every row of `x`.
  ///
  /// Rows whose min-max scale no quantizer has, zeros for example, are few and left to the reference.
  public func searchQuantizers(
    rows x: Value, levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    precondition(x.elementType == .float32 && x.rank == 2, "rows of \(x.elementType) \(x.shape)")
    let (rows, length) = (x.shape[0], x.shape[1])
    guard rows > 0 else { return [] }
    let settings = SearchSettings(levels, scheme, facts)
    guard length > 0, length < 1 << 28 else {
      noteHostOperation("searchQuantizers")
      return ReferenceBackend.shared.searchQuantizers(
        rows: try download(x), levels: levels, scheme: scheme)
    }
    let results = try makeValue(.uint64, [rows, SearchResult.words])
    if QuantizerSearch.isShort(count: length, levels: levels) {
      try launch(
        settings.kernel("search/short_rows.cl", "search_short_rows"),
        global: [min(rows, settings.groups(facts)) * settings.workItems],
        local: [settings.workItems], x, results, UInt32(rows), UInt32(length))
    } else {
      try searchLongRows(x, settings, results)
    }
    var values: Tensor?
    return try SearchResult.read(download(results)).enumerated().map { index, result in
      if let fit = result.fit(rowLength: length, settings) { return fit }
      let tensor = try values ?? download(x)
      values = tensor
      return tensor.withElements(of: Float.self) {
        QuantizerSearch.fit(
          UnsafeBufferPointer(rebasing: $0[index * length..<(index + 1) * length]),
          levels: levels, scheme: scheme)
      }
    }
  }

  private func searchLongRows(
    _ x: Value, _ settings: SearchSettings, _ results: Value
  ) throws {
    let (rows, length) = (x.shape[0], x.shape[1])
    let bins = ExcessTable.binsPerSide(levels: settings.levels)
    let groups = min(rows, settings.groups(facts), max(1, (256 << 20) / (40 * bins)))
    let contents = try scratch(byteCount: groups * 2 * bins * 8)
    let counts = try scratch(byteCount: groups * 2 * (bins + 1) * 4)
    let excesses = try scratch(byteCount: groups * 2 * (bins + 1) * 8)
    let most = ExcessTable.mostTickBits(rowLength: length, levels: settings.levels)
    try launch(
      settings.kernel("search/rows.cl", "search_rows", bins: bins, ["MOST_TICK_BITS=\(most)"]),
      global: [groups * settings.workItems], local: [settings.workItems], x, contents, counts,
      excesses, results, UInt32(rows), UInt32(length))
  }
}
