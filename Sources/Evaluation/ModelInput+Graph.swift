public import Datasets
public import Graph

extension ModelInput {
  /// An input as the graph declares it.
  public init(_ value: ValueInfo) {
    self.init(
      name: value.name, elementType: value.elementType,
      shape: value.shape?.map { dimension in
        if case .fixed(let extent) = dimension, extent > 0 { extent } else { nil }
      })
  }
}
