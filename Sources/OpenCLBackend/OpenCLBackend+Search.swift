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
  public func searchQuantizers(
    rows x: Value, levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    precondition(x.rank == 2, "rows of \(x.elementType) \(x.shape)")
    let ends = (0..<x.shape[0]).map { ($0 + 1) * x.shape[1] }
    return try searchQuantizers(x, rowEnds: ends, levels: levels, scheme: scheme)
  }

  /// The quantizer of the least squared error found for every row: one launch for the rows that are
  /// searched on tables, and one for the short ones.
  ///
  /// Rows whose min-max scale no quantizer has, zeros for example, are few and left to the reference.
  public func searchQuantizers(
    _ x: Value, rowEnds: [Int], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    precondition(
      x.elementType == .float32 && rowEnds.last ?? 0 <= x.count,
      "rows of \(x.elementType) \(x.shape)")
    let rows = zip([0] + rowEnds, rowEnds).map { $0..<$1 }
    guard rows.allSatisfy({ !$0.isEmpty && $0.count < 1 << 28 }), x.count < 1 << 32 else {
      noteHostOperation("searchQuantizers")
      return ReferenceBackend.shared.searchQuantizers(
        try download(x), rowEnds: rowEnds, levels: levels, scheme: scheme)
    }
    let settings = SearchSettings(levels, scheme, facts)
    var fits = [QuantizerFit?](repeating: nil, count: rows.count)
    let isShort = rows.map { QuantizerSearch.isShort(count: $0.count, levels: levels) }
    for areShort in [false, true] {
      let chosen = rows.indices.filter { isShort[$0] == areShort }
      guard !chosen.isEmpty else { continue }
      let found = try search(chosen.map { rows[$0] }, of: x, areShort: areShort, settings)
      for (index, result) in zip(chosen, found) {
        fits[index] = result.fit(rowLength: rows[index].count, settings)
      }
    }
    var values: Tensor?
    return try fits.enumerated().map { index, fit in
      if let fit { return fit }
      let tensor = try values ?? download(x)
      values = tensor
      return tensor.withElements(of: Float.self) {
        QuantizerSearch.fit(
          UnsafeBufferPointer(rebasing: $0[rows[index]]), levels: levels, scheme: scheme)
      }
    }
  }

  private func search(
    _ rows: [Range<Int>], of x: Value, areShort: Bool, _ settings: SearchSettings
  ) throws -> [SearchResult] {
    let places = try uploadNumbers(
      rows.flatMap {
        [Int32(truncatingIfNeeded: $0.lowerBound), Int32(truncatingIfNeeded: $0.count)]
      })
    let results = try makeValue(.uint64, [rows.count, SearchResult.words])
    if areShort {
      try launch(
        settings.kernel("search/short_rows.cl", "search_short_rows"),
        global: [min(rows.count, settings.groups(facts)) * settings.workItems],
        local: [settings.workItems], x, places, results, UInt32(rows.count))
    } else {
      try searchTables(x, places, rows.count, settings, results)
    }
    return SearchResult.read(try download(results))
  }

  private func searchTables(
    _ x: Value, _ places: DeviceMemory, _ rows: Int, _ settings: SearchSettings, _ results: Value
  ) throws {
    let bins = ExcessTable.binsPerSide(levels: settings.levels)
    let groups = min(rows, settings.groups(facts), max(1, (256 << 20) / (40 * bins)))
    let contents = try scratch(byteCount: groups * 2 * bins * 8)
    let counts = try scratch(byteCount: groups * 2 * (bins + 1) * 4)
    let excesses = try scratch(byteCount: groups * 2 * (bins + 1) * 8)
    try launch(
      settings.kernel("search/rows.cl", "search_rows", bins: bins),
      global: [groups * settings.workItems], local: [settings.workItems], x, places, contents,
      counts, excesses, results, UInt32(rows))
  }
}
