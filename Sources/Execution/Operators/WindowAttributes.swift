import Graph
import Operations

/// What Conv and the pools say about their windows; the extents of the input settle the rest.
struct WindowAttributes: Sendable {
  /// ONNX's `auto_pad`.
  enum AutomaticPadding: Sendable {
    case none, sameUpper, sameLower, valid
  }

  /// The attributes' names and kinds.
  static let attributes: [String: OperatorSignature.Kind] = [
    "auto_pad": .string, "dilations": .ints, "kernel_shape": .ints, "pads": .ints, "strides": .ints,
  ]

  var kernel: [Int]?
  var strides: [Int]?
  var dilations: [Int]?
  var pads: [Int]?
  var automaticPadding: AutomaticPadding
  /// Whether the number of outputs is rounded up.
  var roundsUp = false

  init(_ node: NodeReader) throws {
    kernel = node.ints("kernel_shape")
    strides = node.ints("strides")
    dilations = node.ints("dilations")
    pads = node.ints("pads")
    automaticPadding = try node.choice(
      "auto_pad", default: "NOTSET",
      [
        "NOTSET": .none, "": .none, "SAME_UPPER": .sameUpper, "SAME_LOWER": .sameLower,
        "VALID": .valid,
      ])
    roundsUp = node.flag("ceil_mode")
    for (name, list) in [("kernel_shape", kernel), ("strides", strides), ("dilations", dilations)] {
      if let list, !list.allSatisfy({ $0 > 0 && $0 <= 1 << 30 }) {
        throw node.invalid("attribute '\(name)' is \(list)")
      }
    }
    if let pads, !pads.allSatisfy({ $0.magnitude <= 1 << 30 }) {
      throw node.invalid("attribute 'pads' is \(pads)")
    }
    if let pads, pads.contains(where: { $0 < 0 }) {
      throw node.unsupported("negative pads \(pads) are not supported")
    }
  }

  /// The window over an input with spatial `extents`, and the extents of the output.
  ///
  /// - Parameter kernel: The kernel's extents as the weights have them; `nil` for a pool.
  func window<B>(
    over extents: [Int], kernel weights: [Int]? = nil, _ call: OperatorCall<B>
  ) throws -> (window: Window, outputExtents: [Int]) {
    var window = try unpadded(rank: extents.count, weights: weights, call)
    var outputs: [Int] = []
    for axis in extents.indices {
      let covered = window.dilations[axis] * (window.kernel[axis] - 1) + 1
      let stride = window.strides[axis]
      switch automaticPadding {
      case .none, .valid:
        let free = extents[axis] + window.padBefore[axis] + window.padAfter[axis] - covered
        guard free >= 0 else {
          throw call.invalid(
            "a kernel that covers \(covered) elements does not fit spatial shape \(extents) with pads "
              + "\(window.padBefore) and \(window.padAfter)")
        }
        var count = free / stride + 1
        if roundsUp, free % stride != 0, count * stride < extents[axis] + window.padBefore[axis] {
          count += 1
        }
        outputs.append(count)
      case .sameUpper, .sameLower:
        let count = (extents[axis] + stride - 1) / stride
        let total = max((count - 1) * stride + covered - extents[axis], 0)
        let less = total / 2
        window.padBefore[axis] = automaticPadding == .sameUpper ? less : total - less
        window.padAfter[axis] = automaticPadding == .sameUpper ? total - less : less
        outputs.append(count)
      }
    }
    return (window, outputs)
  }

  /// The window with the explicit pads, if there are any.
  func unpadded<B>(rank: Int, weights: [Int]?, _ call: OperatorCall<B>) throws -> Window {
    guard let kernel = kernel ?? weights else {
      throw call.invalid("attribute 'kernel_shape' is missing")
    }
    if let weights, weights != kernel {
      throw call.invalid(
        "attribute 'kernel_shape' is \(kernel), the weights' spatial shape \(weights)")
    }
    for (name, list, count) in [
      ("kernel_shape", kernel, rank), ("strides", strides, rank), ("dilations", dilations, rank),
      ("pads", pads, 2 * rank),
    ] where list.map({ $0.count != count }) ?? false {
      throw call.invalid("attribute '\(name)' is \(list ?? []) for \(rank) spatial dimensions")
    }
    let explicit = automaticPadding == .none ? pads : nil
    return Window(
      kernel: kernel, strides: strides, dilations: dilations,
      padBefore: explicit.map { Array($0.prefix(rank)) },
      padAfter: explicit.map { Array($0.suffix(rank)) })
  }
}
