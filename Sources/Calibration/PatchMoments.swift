/// Second moments of the patches that a layer's filters meet, in sums that do not depend on order.
///
/// A patch has `elements` numbers: channel after channel the taps of the kernel. Where a filter sees
/// few of them, all their products are summed (``Form/whole``). Otherwise the products of taps within each
/// channel, and between channels those of the means over the taps (``Form/means``).
///
/// The sums of one sample are canonical floats, summed over its patches in order; they are kept in fixed
/// point, in units of 2^-60, so that what samples add up to does not depend on batches, order or parts.
public struct PatchMoments: Sendable, Hashable {
  /// Which products are summed.
  public enum Form: Sendable, Hashable {
    /// Those of all pairs of elements.
    case whole
    /// Those of pairs of taps of one channel, and of pairs of channels' means.
    case means
  }

  /// Which channels and taps there are, and what is summed of them.
  public let layout: Layout
  /// How many patches were seen.
  public internal(set) var count: UInt64
  /// The sums of the elements, in units of 2^-60.
  public internal(set) var sums: [Int128]
  /// For every unit of ``Layout/unitTaps`` taps the sums of products of pairs, `(0, 0), (1, 0), (1, 1),
  /// (2, 0)...`.
  public internal(set) var own: [Int128]
  /// For every block the sums of products of pairs of its units' means, `(1, 0), (2, 0), (2, 1)...`.
  public internal(set) var cross: [Int128]

  /// How the elements of patches are put together.
  ///
  /// The elements are cut into units, of one tap in the form ``Form/whole`` and of all taps of a channel
  /// in the form ``Form/means``; and units into blocks, each a group of channels or a part of one that
  /// is too large. Between blocks nothing is summed.
  public struct Layout: Sendable, Hashable {
    /// Channels of the value.
    public let channels: Int
    /// Taps of a channel.
    public let taps: Int
    /// Groups of channels.
    public let groups: Int

    /// Filters up to so many elements have all their products summed: 64 channels of 3 x 3 and some more.
    static let wholeLimit = 768
    /// Units that a block has in the form ``Form/means``.
    static let blockLimit = 512
    /// Sums of products that a layer may have; more only where its channels are that many.
    static let sumLimit = 1 << 21

    /// The layout for so many channels; `nil` where groups do not cut them evenly or the sums would be
    /// too many.
    public init?(channels: Int, taps: Int, groups: Int) {
      guard channels > 0, taps > 0, groups > 0, channels.isMultiple(of: groups), taps <= 4096,
        channels <= 1 << 24
      else { return nil }
      self.channels = channels
      self.taps = taps
      self.groups = groups
      guard productCount <= max(Self.sumLimit, channels * Self.blockLimit) else { return nil }
    }

    /// Which products are summed.
    public var form: Form {
      let elements = channels / groups * taps
      return elements <= Self.wholeLimit && groups * elements * elements / 2 <= Self.sumLimit
        ? .whole : .means
    }
    /// Elements of a patch.
    public var elements: Int { channels * taps }
    /// Taps of a unit.
    public var unitTaps: Int { form == .whole ? 1 : taps }
    /// Units of a patch.
    public var unitCount: Int { elements / unitTaps }

    /// Units of the blocks that a group is cut into.
    public var blockLengths: [Int] {
      let units = unitCount / groups
      guard form == .means else { return [units] }
      let blocks = (units + Self.blockLimit - 1) / Self.blockLimit
      return (0..<blocks).map { units * ($0 + 1) / blocks - units * $0 / blocks }
    }

    /// Products of a unit.
    public var ownCount: Int { unitTaps * (unitTaps + 1) / 2 }
    /// Products between the units of a group.
    public var crossCountOfGroup: Int { blockLengths.reduce(0) { $0 + $1 * ($1 - 1) / 2 } }

    /// All products.
    private var productCount: Int { unitCount * ownCount + groups * crossCountOfGroup }

    /// The units of every block, group by group, and where its products begin among all.
    public var blocks: [(units: Range<Int>, firstProduct: Int)] {
      var blocks: [(units: Range<Int>, firstProduct: Int)] = []
      var (unit, product) = (0, 0)
      let lengths = blockLengths
      for _ in 0..<groups {
        for length in lengths {
          blocks.append((unit..<(unit + length), product))
          unit += length
          product += length * (length - 1) / 2
        }
      }
      return blocks
    }
  }

  init(_ layout: Layout) {
    self.layout = layout
    count = 0
    sums = [Int128](repeating: 0, count: layout.elements)
    own = [Int128](repeating: 0, count: layout.unitCount * layout.ownCount)
    cross = [Int128](repeating: 0, count: layout.groups * layout.crossCountOfGroup)
  }

  /// Whether both are of patches of one layout, and no sum overflows.
  func canMerge(_ other: PatchMoments) -> Bool {
    func fit(_ a: [Int128], _ b: [Int128]) -> Bool {
      zip(a, b).allSatisfy { !$0.addingReportingOverflow($1).overflow }
    }
    return layout == other.layout && !count.addingReportingOverflow(other.count).overflow
      && fit(sums, other.sums) && fit(own, other.own) && fit(cross, other.cross)
  }

  mutating func merge(_ other: PatchMoments) {
    count += other.count
    for place in sums.indices { sums[place] += other.sums[place] }
    for place in own.indices { own[place] += other.own[place] }
    for place in cross.indices { cross[place] += other.cross[place] }
  }
}
