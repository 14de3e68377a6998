import Tensors

extension NodeRewriting {
  /// Upsample from 9.
  mutating func scalesBecomeInput() {
    guard case .floats(let scales)? = node.attributes.removeValue(forKey: "scales") else { return }
    setInput(1, to: Tensor(scales), "scales")
  }

  /// Upsample is Resize from 10; its scales are at least 1.
  mutating func upsampleBecomesResize() {
    node.operatorType = "Resize"
    onlyGrows = true
  }

  /// Resize from 11. Before, the element of the input was `x / scale`, rounded down when an axis
  /// grows. When one shrinks, ONNX did not say how to round and runtimes differ.
  mutating func resizeStatesItsCoordinates() throws(GraphError) {
    guard let scales = input(1) else { throw unsupported("has no scales") }
    if string("mode") ?? "nearest" == "nearest" {
      if !onlyGrows {
        guard let tensor = constants[scales], tensor.elementType == .float32 else {
          throw unsupported("has scales that are no constants")
        }
        guard tensor.array(of: Float.self).allSatisfy({ $0 >= 1 }) else {
          throw unsupported(
            "shrinks an axis by the nearest element, whose rounding was not defined")
        }
      }
      node.attributes["nearest_mode"] = .string("floor")
    }
    node.attributes["coordinate_transformation_mode"] = .string("asymmetric")
    node.inputs = [node.inputs[0], "", scales]
    setInput(1, to: Tensor([] as [Float]), "roi")
  }

  /// Resize from 13: an empty tensor no longer stands for an input that is left out.
  mutating func resizeInputsBecomeOptional() throws(GraphError) {
    for index in [1, 2] {
      if let name = input(index), constants[name]?.count == 0 { node.inputs[index] = "" }
    }
    if string("coordinate_transformation_mode") == "tf_half_pixel_for_nn" {
      throw unsupported("has coordinate_transformation_mode=tf_half_pixel_for_nn, which is gone")
    }
  }

  /// RoiAlign from 16, where the default changed.
  mutating func roiAlignStatesItsCoordinates() {
    node.attributes["coordinate_transformation_mode"] = .string("output_half_pixel")
  }

  /// GridSample from 20.
  mutating func gridSampleModesGetNewNames() {
    switch string("mode") {
    case "bilinear": node.attributes["mode"] = .string("linear")
    case "bicubic": node.attributes["mode"] = .string("cubic")
    default: break
    }
  }

  /// Scatter is ScatterElements from 11.
  mutating func scatterGetsItsNewName() {
    node.operatorType = "ScatterElements"
  }
}
