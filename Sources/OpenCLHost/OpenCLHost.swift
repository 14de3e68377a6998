// OpenCLHost: see DESIGN in the documentation catalog.
