// Calibration: see DESIGN in the documentation catalog.
