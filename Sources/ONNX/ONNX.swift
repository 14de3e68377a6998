// ONNX: see DESIGN in the documentation catalog.
