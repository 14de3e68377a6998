import Operations
import Tensors

/// One product of a sum: the positions of its factors; `nil` on a border.
struct Term {
  var x: Int?
  var weight: Int
}

/// The terms of every output of a convolution in the order of the weights, by the definition, one
/// output at a time.
func terms(
  ofConvolution convolution: Convolution, x: [Int], weights: [Int]
) -> (shape: [Int], filters: [Int], terms: [[Term]]) {
  let window = convolution.window
  let spatial = Array(x[2...])
  let extents = spatial.indices.map { window.outputExtent(spatial[$0], axis: $0) }
  let filtersPerGroup = weights[0] / convolution.groups
  var filters: [Int] = []
  var result: [[Term]] = []
  for image in 0..<x[0] {
    for filter in 0..<weights[0] {
      for output in indices(extents) {
        var sum: [Term] = []
        for channel in 0..<weights[1] {
          let source = filter / filtersPerGroup * weights[1] + channel
          for (tap, offset) in indices(window.kernel).enumerated() {
            let position = output.indices.map {
              output[$0] * window.strides[$0] + offset[$0] * window.dilations[$0]
                - window.padBefore[$0]
            }
            sum.append(
              Term(
                x: linear(position, spatial).map { (image * x[1] + source) * count(spatial) + $0 },
                weight: (filter * weights[1] + channel) * count(window.kernel) + tap))
          }
        }
        filters.append(filter)
        result.append(sum)
      }
    }
  }
  return ([x[0], weights[0]] + extents, filters, result)
}

/// The same for a transposed convolution: the taps that fall between inputs are no terms.
func terms(
  ofTransposed convolution: TransposedConvolution, x: [Int], weights: [Int]
) -> (shape: [Int], filters: [Int], terms: [[Term]]) {
  let window = convolution.window
  let spatial = Array(x[2...])
  let channels = x[1] / convolution.groups
  var filters: [Int] = []
  var result: [[Term]] = []
  for image in 0..<x[0] {
    for filter in 0..<weights[1] * convolution.groups {
      for output in indices(convolution.outputExtents) {
        var sum: [Term] = []
        for channel in 0..<channels {
          let source = filter / weights[1] * channels + channel
          for (tap, offset) in indices(window.kernel).enumerated() {
            let distance = output.indices.map {
              output[$0] + window.padBefore[$0] - offset[$0] * window.dilations[$0]
            }
            guard zip(distance, window.strides).allSatisfy({ $0.isMultiple(of: $1) }) else {
              continue
            }
            let position = zip(distance, window.strides).map { $0 / $1 }
            sum.append(
              Term(
                x: linear(position, spatial).map { (image * x[1] + source) * count(spatial) + $0 },
                weight: (source * weights[1] + filter % weights[1]) * count(window.kernel) + tap))
          }
        }
        filters.append(filter)
        result.append(sum)
      }
    }
  }
  return ([x[0], weights[1] * convolution.groups] + convolution.outputExtents, filters, result)
}

/// A sum of products in the canonical order, as its page states it.
func canonicalSum(_ products: [(Float, Float)], bias: Float?) -> Float {
  var total: Float = 0
  for start in stride(from: 0, to: products.count, by: 256) {
    var partial: Float = 0
    for (weight, x) in products[start..<min(start + 256, products.count)] {
      partial = partial.addingProduct(weight, x)
    }
    total = start == 0 ? partial : total + partial
  }
  return bias.map { total + $0 } ?? total
}

/// The same sum in `Double` and a bound on the error of the canonical one.
///
/// Every product takes part in at most `min(K, 256)` roundings of its partial sum, in one addition
/// for every further partial sum and in that of the bias: n roundings, whose relative error stays
/// below n u / (1 - n u) with u = 2^-24 (Higham, Accuracy and Stability, section 3.1). A rounding
/// that underflows adds at most half the smallest denormal.
func doubleSum(_ products: [(Float, Float)], bias: Float?) -> (value: Double, bound: Double) {
  var value = 0.0
  var magnitude = 0.0
  for (weight, x) in products {
    value += Double(weight) * Double(x)
    magnitude += abs(Double(weight) * Double(x))
  }
  value += Double(bias ?? 0)
  magnitude += abs(Double(bias ?? 0))
  let roundings = Double(min(products.count, 256) + (products.count + 255) / 256)
  let gamma = roundings * 0x1p-24 / (1 - roundings * 0x1p-24)
  return (value, gamma * magnitude + Double(products.count + 1) * 0x1p-150)
}

/// Whether two tensors of floats are equal bit by bit, any NaN equal to any other: which NaN an
/// operation gives is not canonical.
func haveEqualFloats(_ a: Tensor, _ b: Tensor) -> Bool {
  guard a.shape == b.shape else { return false }
  let (x, y) = (a.array(of: Float.self), b.array(of: Float.self))
  return zip(x, y).allSatisfy { ($0.isNaN && $1.isNaN) || $0.bitPattern == $1.bitPattern }
}

private func count(_ extents: [Int]) -> Int { extents.reduce(1, *) }

private func indices(_ extents: [Int]) -> [[Int]] {
  extents.reduce([[]]) { prefixes, extent in
    prefixes.flatMap { prefix in (0..<extent).map { prefix + [$0] } }
  }
}

private func linear(_ position: [Int], _ extents: [Int]) -> Int? {
  var index = 0
  for (coordinate, extent) in zip(position, extents) {
    guard (0..<extent).contains(coordinate) else { return nil }
    index = index * extent + coordinate
  }
  return index
}
