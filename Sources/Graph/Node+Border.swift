extension [String: Attribute] {
  /// Whether a window with these attributes reaches past its input.
  package var hasBorder: Bool {
    if case .ints(let pads)? = self["pads"], pads.contains(where: { $0 != 0 }) { return true }
    guard case .string(let word)? = self["auto_pad"] else { return false }
    return word.hasPrefix("SAME")
  }
}
