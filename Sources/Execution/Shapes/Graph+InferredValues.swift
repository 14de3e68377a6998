public import Graph

extension Graph {
  /// What can be said about every value without computing: its type, and a shape whose dimensions
  /// are numbers, the inputs' own symbols, or unknown.
  ///
  /// The shapes are followed three times, with three different extents for one open dimension after
  /// the other. What never changes is a number, what always has the extent of one symbol is that
  /// symbol, and anything else (`2 * height`, say) is unknown. All extents are multiples of 32, so
  /// that networks which halve and double a few times can be followed.
  ///
  /// Where the shapes cannot be followed, what the graph declares is returned.
  ///
  /// - Throws: ``GraphError`` when the graph's nodes cannot be put in order.
  public func inferredValues() throws -> [String: ValueInfo] {
    var named = self
    let symbols = named.nameOpenDimensions()
    let base = Dictionary(uniqueKeysWithValues: symbols.map { ($0.name, InferenceExtents.base) })
    var values = Candidates(try GraphAnalysis(of: named, extents: base))
    for symbol in symbols {
      for extent in InferenceExtents.others {
        var extents = base
        extents[symbol.name] = extent
        values.compare(
          try GraphAnalysis(of: named, extents: extents), symbol: symbol.name, extent: extent)
      }
    }
    let stated = Set(symbols.filter(\.isStated).map(\.name))
    var result = values.result(stated: stated)
    for info in Array(valueInfo.values) + outputs + inputs {
      result[info.name] = result[info.name].map { $0.completed(by: info) } ?? info
    }
    return result
  }

  /// Gives every unknown dimension of an input a name; returns all open dimensions.
  private mutating func nameOpenDimensions() -> [(name: String, isStated: Bool)] {
    var symbols: [(name: String, isStated: Bool)] = []
    for index in inputs.indices {
      guard let shape = inputs[index].shape else { continue }
      for (axis, dimension) in shape.enumerated() {
        switch dimension {
        case .fixed: continue
        case .symbolic(let name):
          if !symbols.contains(where: { $0.name == name }) { symbols.append((name, true)) }
        case .unknown:
          let name = "\(inputs[index].name)[\(axis)]"
          inputs[index].shape?[axis] = .symbolic(name)
          symbols.append((name, false))
        }
      }
    }
    return symbols
  }
}

/// The extents that open dimensions are tried with.
package enum InferenceExtents {
  static let base = 64
  static let others = [96, 160]

  /// None is larger.
  package static let largest = 160
}

/// What is still possible for every value.
private struct Candidates {
  private struct Extent {
    let base: Int
    /// The symbol whose extent this one has followed so far.
    var symbol: String?
    var isUnknown = false
  }

  private var shapes: [String: [Extent]]
  private let types: [String: GraphAnalysis.ValueShape]

  init(_ analysis: GraphAnalysis) {
    types = analysis.shapes
    shapes = analysis.shapes.mapValues { $0.shape.map { Extent(base: $0) } }
  }

  /// Takes in what was found when `symbol` had another extent.
  mutating func compare(_ analysis: GraphAnalysis, symbol: String, extent tried: Int) {
    for (name, extents) in shapes {
      guard let found = analysis.shapes[name]?.shape, found.count == extents.count else {
        // It can be followed for some extents only: nothing but its type is sure.
        shapes[name] = nil
        continue
      }
      shapes[name] = zip(extents, found).map {
        updated($0, found: $1, symbol: symbol, tried: tried)
      }
    }
  }

  private func updated(
    _ extent: Extent, found: Int, symbol: String, tried: Int
  ) -> Extent {
    var extent = extent
    if found == extent.base {
      // A dimension that followed the symbol before must go on following it.
      if extent.symbol == symbol { extent.isUnknown = true }
    } else if extent.base == InferenceExtents.base, found == tried,
      extent.symbol == nil || extent.symbol == symbol
    {
      extent.symbol = symbol
    } else {
      extent.isUnknown = true
    }
    return extent
  }

  func result(stated: Set<String>) -> [String: ValueInfo] {
    var result: [String: ValueInfo] = [:]
    for (name, type) in types {
      let shape = shapes[name]?.map { extent -> Dimension in
        if extent.isUnknown { return .unknown }
        guard let symbol = extent.symbol else { return .fixed(extent.base) }
        return stated.contains(symbol) ? .symbolic(symbol) : .unknown
      }
      result[name] = ValueInfo(name: name, elementType: type.elementType, shape: shape)
    }
    return result
  }
}

extension ValueInfo {
  /// The value with what `declared` says about dimensions that are unknown here.
  fileprivate func completed(by declared: ValueInfo) -> ValueInfo {
    var completed = declared
    guard let shape else { return completed }
    guard let other = declared.shape, other.count == shape.count else {
      completed.shape = shape
      return completed
    }
    completed.shape = zip(shape, other).map { $0 == .unknown ? $1 : $0 }
    return completed
  }
}
