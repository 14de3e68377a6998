import Glibc
import Graph
import Operations
import Tensors

/// Resampling: Upsample (operator sets 7 to 9) and Resize (10, with scales alone; since 11 with
/// region, scales and sizes).
struct Resize: Operator {
  private static let common: [String: OperatorSignature.Kind] = [
    "coordinate_transformation_mode": .string, "cubic_coeff_a": .float, "exclude_outside": .int,
    "extrapolation_value": .float, "mode": .string, "nearest_mode": .string,
  ]
  static let signatures = [
    OperatorSignature("Upsample", until: 8, attributes: ["mode": .string, "scales": .floats]),
    OperatorSignature("Upsample", since: 9, until: 9, inputs: 2...2, attributes: ["mode": .string]),
    OperatorSignature("Resize", since: 10, until: 10, inputs: 2...2, attributes: ["mode": .string]),
    OperatorSignature(
      "Resize", since: 11, until: 12, inputs: 3...4, required: 1, attributes: common),
    OperatorSignature(
      "Resize", since: 13, inputs: 1...4,
      attributes: common.merging(
        ["antialias": .int, "axes": .ints, "keep_aspect_ratio_policy": .string]) { $1 }),
  ]

  private enum Policy: Sendable { case stretch, notLarger, notSmaller }

  private let interpolation: Resampling.Interpolation
  private let coordinates: Resampling.Coordinates
  private let excludesOutside: Bool
  private let antialias: Bool
  private let axes: [Int]?
  private let policy: Policy
  private let statedScales: [Float]?
  /// Where the scales stand among the inputs.
  private let scalesInput: Int

  init(_ node: NodeReader) throws {
    let isOld = node.opset < 11
    let rounding: Resampling.Rounding =
      isOld
      ? .floor
      : try node.choice(
        "nearest_mode", default: "round_prefer_floor",
        [
          "round_prefer_floor": .preferFloor, "round_prefer_ceil": .preferCeil, "floor": .floor,
          "ceil": .ceil,
        ])
    interpolation = try node.choice(
      "mode", default: "nearest",
      [
        "nearest": .nearest(rounding), "linear": .linear, "bilinear": .linear,
        "cubic": .cubic(a: node.float("cubic_coeff_a", default: -0.75)),
      ])
    coordinates =
      isOld
      ? .asymmetric
      : try node.choice(
        "coordinate_transformation_mode", default: "half_pixel",
        [
          "half_pixel": .halfPixel, "half_pixel_symmetric": .halfPixelSymmetric,
          "pytorch_half_pixel": .pytorchHalfPixel, "align_corners": .alignCorners,
          "asymmetric": .asymmetric,
          "tf_half_pixel_for_nn": .tensorflowHalfPixelForNearest,
          "tf_crop_and_resize": .cropAndResize(
            start: [], end: [], extrapolation: node.float("extrapolation_value", default: 0)),
        ])
    excludesOutside = node.flag("exclude_outside")
    antialias = node.flag("antialias")
    axes = node.ints("axes")
    policy = try node.choice(
      "keep_aspect_ratio_policy", default: "stretch",
      ["stretch": .stretch, "not_larger": .notLarger, "not_smaller": .notSmaller])
    statedScales = node.floats("scales")
    scalesInput = isOld ? 1 : 2
    if node.opset < 9 { _ = try node.required("scales", statedScales) }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    let x = try call.value(0)
    let axes =
      try axes.map { named in try named.map { try call.axis($0, rank: x.rank) } }
      ?? Array(0..<x.rank)
    guard Set(axes).count == axes.count else {
      throw call.invalid("axes \(axes) name an axis twice")
    }
    var resampling = Resampling(
      extents: x.shape, scales: x.shape.map { _ in 1 }, coordinates: coordinates,
      interpolation: interpolation, excludesOutside: excludesOutside, antialias: antialias)
    try setRegion(&resampling, axes: axes, rank: x.rank, call)
    if let sizes = try self.sizes(call) {
      try fit(&resampling, sizes, axes: axes, shape: x.shape, call)
    } else {
      try scale(&resampling, axes: axes, shape: x.shape, call)
    }
    guard Shapes.count(resampling.extents) != nil, resampling.extents.allSatisfy({ $0 >= 0 }) else {
      throw call.invalid("shape \(x.shape) cannot become \(resampling.extents)")
    }
    guard x.shape.allSatisfy({ $0 > 0 }) || resampling.extents.contains(0) else {
      throw call.invalid("an input of shape \(x.shape) has nothing to resample")
    }
    if resampling.extents == x.shape, resampling.scales.allSatisfy({ $0 == 1 }), !isCropping {
      return [try call.operand(0)]
    }
    return call.results(
      try call.inFloat32(x.elementType, [x]) { try call.backend.resize($0[0], resampling) })
  }

  private var isCropping: Bool {
    if case .cropAndResize = coordinates { true } else { false }
  }

  private func sizes<B: Backend>(_ call: OperatorCall<B>) throws -> [Int]? {
    guard scalesInput == 2, call.has(3), try call.operand(3).count > 0 else { return nil }
    return try call.integers(3)
  }

  /// The region of `tf_crop_and_resize`, for the axes that are resized.
  private func setRegion<B: Backend>(
    _ resampling: inout Resampling, axes: [Int], rank: Int, _ call: OperatorCall<B>
  ) throws {
    guard case .cropAndResize(_, _, let extrapolation) = coordinates else { return }
    let region = try call.tensor(1).doubles().map { Float($0) }
    guard region.count == 2 * axes.count, region.allSatisfy({ abs($0) < 0x1p30 }) else {
      throw call.invalid("a region \(region) for \(axes.count) axes")
    }
    var start = [Float](repeating: 0, count: rank)
    var end = [Float](repeating: 1, count: rank)
    for (index, axis) in axes.enumerated() {
      start[axis] = region[index]
      end[axis] = region[axes.count + index]
    }
    resampling.coordinates = .cropAndResize(start: start, end: end, extrapolation: extrapolation)
  }

  /// Extents as stated, scales as they imply.
  private func fit<B>(
    _ resampling: inout Resampling, _ sizes: [Int], axes: [Int], shape: [Int],
    _ call: OperatorCall<B>
  ) throws {
    guard sizes.count == axes.count, sizes.allSatisfy({ (1...(1 << 40)).contains($0) }),
      axes.allSatisfy({ shape[$0] > 0 })
    else {
      throw call.invalid("sizes \(sizes) for axes \(axes) of shape \(shape)")
    }
    let scales = zip(sizes, axes).map { Float($0) / Float(shape[$1]) }
    let common = policy == .notLarger ? scales.min() : scales.max()
    for (index, axis) in axes.enumerated() {
      if policy == .stretch {
        resampling.extents[axis] = sizes[index]
        resampling.scales[axis] = scales[index]
      } else if let common {
        resampling.extents[axis] = Int((common * Float(shape[axis]) + 0.5).rounded(.down))
        resampling.scales[axis] = common
      }
    }
  }

  /// Scales as stated, extents as they imply: `floor(extent * scale)`.
  private func scale<B: Backend>(
    _ resampling: inout Resampling, axes: [Int], shape: [Int], _ call: OperatorCall<B>
  ) throws {
    let scales = try statedScales ?? call.tensor(scalesInput).doubles().map { Float($0) }
    guard scales.count == axes.count, scales.allSatisfy({ $0 > 0 && $0 < 0x1p30 }) else {
      throw call.invalid("scales \(scales) for axes \(axes) of shape \(shape)")
    }
    for (index, axis) in axes.enumerated() {
      var extent = Float(shape[axis]) * scales[index]
      if case .cropAndResize(let start, let end, _) = resampling.coordinates {
        extent *= end[axis] - start[axis]
      }
      guard extent >= 0, extent < 0x1p40 else { throw call.invalid("an extent of \(extent)") }
      resampling.extents[axis] = Int(extent.rounded(.down))
      resampling.scales[axis] = scales[index]
    }
  }
}
