public import Operations
import Tensors

extension OpenCLBackend {
  /// `x` resampled to another extent along every axis: the nearest mode for all types, the others for
  /// `float32`, one axis after the other. Crop-and-resize in the nearest mode, which can lie outside
  /// of the input, and other types on the reference.
  public func resize(_ x: Value, _ resampling: Resampling) throws -> Value {
    let axes = x.shape.indices.filter { !resampling.leaves(axis: $0, extent: x.shape[$0]) }
    let count = max(x.count, resampling.extents.reduce(1, *))
    guard count <= Int(Int32.max), x.count > 0 else { return try resizeOnHost(x, resampling) }
    if case .nearest(let rounding) = resampling.interpolation {
      let maps = axes.map { axis in
        resampling.nearestIndices(axis: axis, extent: x.shape[axis], rounding: rounding)
      }
      guard !maps.contains(where: { $0.contains(-1) }) else {
        return try resizeOnHost(x, resampling)
      }
      var result = x
      for (axis, map) in zip(axes, maps) {
        let indices = try upload(Tensor(map.map { Int64($0) }))
        result = try gather(result, indices: indices, axis: axis)
      }
      return result
    }
    guard x.elementType == .float32 else { return try resizeOnHost(x, resampling) }
    var result = x
    for axis in axes { result = try resample(result, axis, resampling) }
    return result
  }

  private func resizeOnHost(_ x: Value, _ resampling: Resampling) throws -> Value {
    try runOnHost("resize", [x]) { $0.resize($1[0], resampling) }
  }

  private func resample(_ x: Value, _ axis: Int, _ resampling: Resampling) throws -> Value {
    let taps = resampling.taps(axis: axis, extent: x.shape[axis])
    var shape = x.shape
    shape[axis] = taps.starts.count - 1
    let y = try makeValue(.float32, shape, operation: "resize")
    let inner = shape[(axis + 1)...].reduce(1, *)
    try launchItems(
      DeviceKernel("resize/resample.cl", "resample"), count: y.count, x, y,
      upload(Tensor(taps.starts)), upload(Tensor(taps.indices)), upload(Tensor(taps.weights)),
      resampling.extrapolation, UInt32(x.shape[axis]), UInt32(shape[axis]), UInt32(inner),
      UInt32(y.count), operation: "resize")
    return y
  }
}
