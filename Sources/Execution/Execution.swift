// Execution: see DESIGN in the documentation catalog.
