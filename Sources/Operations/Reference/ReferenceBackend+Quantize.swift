import CElementary
import Quantization
public import Tensors

extension ReferenceBackend {
  /// ONNX's QuantizeLinear: `saturate(rint(x / scale) + zeroPoint)` with IEEE division, ties to even.
  ///
  /// `x` and `scale` are floating point (`x` may be `int32` too) and are taken as `float32`. A NaN
  /// becomes the zero point. To any integer type of at most 16 bits.
  public func quantize(
    _ x: Tensor, scale: Tensor, zeroPoint: Tensor?, layout: QuantizationLayout,
    to elementType: ElementType
  ) -> Tensor {
    if let whole = wholeBlocks(x.shape, scale, zeroPoint, layout) {
      return quantize(
        x, scale: whole.scale, zeroPoint: whole.zeroPoint, layout: whole.layout, to: elementType)
    }
    let from = cast(x, to: .float32)
    let scales = cast(scale, to: .float32)
    let zeroPoints = zeroPointsOrNone(zeroPoint, like: scale)
    let codes = codeRange(elementType)
    return Tensor(elementType, shape: x.shape) { memory in
      let runs = ParameterRuns(shape: x.shape, layout: layout, parameters: scale.shape)
      from.withPointer(to: Float.self) { values in
        scales.withPointer(to: Float.self) { scales in
          zeroPoints.withPointer(to: Int32.self) { zeroPoints in
            storeCodes(runs.count, memory, elementType) { range, buffer in
              runs.forEachRun(in: range) { start, count, parameter, step in
                ce_quantize_row(
                  values + start, count, scales + parameter, step, zeroPoints + parameter, step,
                  Int32(codes.lowerBound), Int32(codes.upperBound),
                  buffer + (start - range.lowerBound))
              }
            }
          }
        }
      }
    }
  }

  /// ONNX's DequantizeLinear: `(x - zeroPoint) * scale`, the difference exact for codes of up to 16
  /// bits and wrapping in `int32` otherwise; the result has the type of `scale`, rounded once more
  /// when that is a 16-bit type.
  public func dequantize(
    _ x: Tensor, scale: Tensor, zeroPoint: Tensor?, layout: QuantizationLayout
  ) -> Tensor {
    if let whole = wholeBlocks(x.shape, scale, zeroPoint, layout) {
      return dequantize(
        x, scale: whole.scale, zeroPoint: whole.zeroPoint, layout: whole.layout)
    }
    let codes = cast(x, to: .int32)
    let scales = cast(scale, to: .float32)
    let zeroPoints = zeroPointsOrNone(zeroPoint, like: scale)
    let result = Tensor(.float32, shape: x.shape) { memory in
      let to = memory.assumingMemoryBound(to: Float.self)
      let runs = ParameterRuns(shape: x.shape, layout: layout, parameters: scale.shape)
      codes.withPointer(to: Int32.self) { codes in
        scales.withPointer(to: Float.self) { scales in
          zeroPoints.withPointer(to: Int32.self) { zeroPoints in
            concurrentRanges(runs.count, grain: elementGrain) { range in
              runs.forEachRun(in: range) { start, count, parameter, step in
                for i in 0..<count {
                  let difference = codes[start + i] &- zeroPoints[parameter + i * step]
                  to[start + i] = Float(difference) * scales[parameter + i * step]
                }
              }
            }
          }
        }
      }
    }
    return cast(result, to: scale.elementType)
  }

  /// `saturate(rint(Float(accumulator + bias) * multiplier) + zeroPoint)`, ties to even; the sum wraps
  /// in `int32`. `multiplier` is a scalar or one value along `axis`; `bias` `[extent of axis]`.
  public func requantize(
    _ accumulator: Tensor, bias: Tensor?, multiplier: Tensor, zeroPoint: Tensor, axis: Int,
    to elementType: ElementType
  ) -> Tensor {
    let shape = accumulator.shape
    let zero = cast(zeroPoint, to: .int32).array(of: Int32.self)
    precondition(zero.count == 1, "one zero point for all elements")
    let codes = codeRange(elementType)
    let biases = bias ?? Tensor(repeating: Int32(0), shape: [shape[axis]])
    let multipliers =
      multiplier.count == 1
      ? broadcast(multiplier.reshaped(to: [1]), to: [shape[axis]]) : multiplier
    let runs = ParameterRuns(shape: shape, layout: .axis(axis), parameters: [shape[axis]])
    return Tensor(elementType, shape: shape) { memory in
      accumulator.withPointer(to: Int32.self) { sums in
        biases.withPointer(to: Int32.self) { biases in
          multipliers.withPointer(to: Float.self) { multipliers in
            storeCodes(runs.count, memory, elementType) { range, buffer in
              runs.forEachRun(in: range) { start, count, parameter, step in
                ce_requantize_row(
                  sums + start, count, biases + parameter, step, multipliers + parameter, step,
                  zero[0], Int32(codes.lowerBound), Int32(codes.upperBound),
                  buffer + (start - range.lowerBound))
              }
            }
          }
        }
      }
    }
  }

  /// Parameters repeated to blocks of one where the last block is not full; `nil` where it is.
  private func wholeBlocks(
    _ shape: [Int], _ scale: Tensor, _ zeroPoint: Tensor?, _ layout: QuantizationLayout
  ) -> (scale: Tensor, zeroPoint: Tensor?, layout: QuantizationLayout)? {
    guard case .blocks(let axis, let size) = layout, shape[axis] % size != 0 else { return nil }
    let blocks = Tensor((0..<shape[axis]).map { Int64($0 / size) })
    return (
      gather(scale, indices: blocks, axis: axis),
      zeroPoint.map { gather($0, indices: blocks, axis: axis) }, .blocks(axis: axis, size: 1)
    )
  }

  private func zeroPointsOrNone(_ zeroPoint: Tensor?, like scale: Tensor) -> Tensor {
    guard let zeroPoint else { return Tensor(repeating: Int32(0), shape: scale.shape) }
    precondition(zeroPoint.count == scale.count, "\(zeroPoint) beside scales \(scale)")
    return cast(zeroPoint, to: .int32)
  }

  private func codeRange(_ elementType: ElementType) -> ClosedRange<Int> {
    guard elementType.byteCount <= 2, let range = elementType.integerRange else {
      preconditionFailure("codes of \(elementType)")
    }
    return range
  }
}

/// Fills `count` codes, piece by piece through a buffer of `int32` that `body` fills.
private func storeCodes(
  _ count: Int, _ memory: UnsafeMutableRawPointer, _ elementType: ElementType,
  _ body: (Range<Int>, UnsafeMutablePointer<Int32>) -> Void
) {
  let capacity = 4096
  concurrentRanges(count, grain: elementGrain) { range in
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: capacity) { buffer in
      guard let base = buffer.baseAddress else { return }
      var start = range.lowerBound
      while start < range.upperBound {
        let part = start..<min(start + capacity, range.upperBound)
        body(part, base)
        if elementType.byteCount == 1 {
          let to = memory.assumingMemoryBound(to: UInt8.self)
          for i in 0..<part.count { to[start + i] = UInt8(truncatingIfNeeded: base[i]) }
        } else {
          let to = memory.assumingMemoryBound(to: UInt16.self)
          for i in 0..<part.count { to[start + i] = UInt16(truncatingIfNeeded: base[i]) }
        }
        start = part.upperBound
      }
    }
  }
}

/// A walk over a tensor together with its scales: runs over which the parameter is one value or
/// advances with the elements.
package struct ParameterRuns {
  /// The walk; its one operand is the parameter.
  package let runs: StridedRuns
  /// Number of elements.
  var count: Int { runs.count }

  /// A walk over `shape`; `parameters` is the shape of the scales.
  package init(shape: [Int], layout: QuantizationLayout, parameters: [Int]) {
    // The tensor as [outer, extent, inner], or [outer, blocks, size, inner].
    switch layout {
    case .tensor:
      precondition(parameters.reduce(1, *) == 1, "\(parameters) scales for one tensor")
      runs = StridedRuns(shape: shape, operandStrides: [shape.map { _ in 0 }])
    case .axis(let axis):
      precondition(
        parameters.reduce(1, *) == shape[axis],
        "\(parameters) scales along axis \(axis) of \(shape)")
      runs = StridedRuns(
        shape: shape, operandStrides: [shape.indices.map { $0 == axis ? 1 : 0 }])
    case .blocks(let axis, let size):
      let extent = shape[axis]
      precondition(
        parameters.count == shape.count && parameters[axis] * size >= extent
          && size > 0, "\(parameters) scales for blocks of \(size) along axis \(axis) of \(shape)")
      precondition(extent % size == 0, "blocks of \(size) do not divide extent \(extent)")
      let strides = rowMajorStrides(parameters)
      runs = StridedRuns(
        shape: Array(shape[..<axis]) + [extent / size, size] + Array(shape[(axis + 1)...]),
        operandStrides: [Array(strides[...axis]) + [0] + Array(strides[(axis + 1)...])])
    }
  }

  /// Calls `body` with runs of a range of elements: start, length, index of the first parameter, and
  /// 0 or 1 by which it advances.
  @inline(__always)
  func forEachRun(
    in range: Range<Int>,
    _ body: (_ start: Int, _ count: Int, _ parameter: Int, _ step: Int) -> Void
  ) {
    let step = runs.runStrides[0]
    runs.forEachRun(in: range) { start, count, offsets in body(start, count, offsets[0], step) }
  }
}
