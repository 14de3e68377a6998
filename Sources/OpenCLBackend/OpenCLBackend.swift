// OpenCLBackend: see DESIGN in the documentation catalog.
