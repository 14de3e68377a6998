// ONNXProto: see DESIGN in the documentation catalog.
