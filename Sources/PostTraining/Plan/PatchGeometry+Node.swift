import Calibration
import Graph

extension PatchGeometry {
  /// What the filters of a weighted node meet; `nil` for weights that no filters can be told of.
  ///
  /// Where attributes break the operator's rules the result does not matter: the node cannot run.
  /// Filters of a transposed convolution meet single pixels, one by one for every tap: what placements
  /// that overlap have in common is not in their moments.
  init?(of node: Node, weights shape: [Int]) {
    let groups = node.integer("group", default: 1)
    switch node.operatorType {
    case "Conv":
      guard shape.count > 2, groups > 0 else { return nil }
      let kernel = Array(shape[2...])
      func attribute(_ name: String, _ count: Int, default value: Int) -> [Int]? {
        guard case .ints(let numbers)? = node.attributes[name] else {
          return [Int](repeating: value, count: count)
        }
        return numbers.count == count && numbers.allSatisfy { $0 >= value } ? numbers : nil
      }
      guard let strides = attribute("strides", kernel.count, default: 1),
        let dilations = attribute("dilations", kernel.count, default: 1),
        let pads = attribute("pads", 2 * kernel.count, default: 0)
      else { return nil }
      var border = Border.zeros(
        before: Array(pads.prefix(kernel.count)), after: Array(pads.suffix(kernel.count)))
      if case .string(let word)? = node.attributes["auto_pad"] {
        switch word {
        case "SAME_UPPER": border = .same(oddZeroFirst: false)
        case "SAME_LOWER": border = .same(oddZeroFirst: true)
        case "VALID":
          let none = kernel.map { _ in 0 }
          border = .zeros(before: none, after: none)
        default: break
        }
      }
      self.init(
        kernel: kernel, strides: strides, dilations: dilations, border: border, groups: groups)
    case "ConvTranspose":
      guard shape.count > 2, groups > 0 else { return nil }
      self.init(points: .second, groups: groups)
    default:
      guard shape.count == 2 else { return nil }
      self.init(points: .last)
    }
  }
}
