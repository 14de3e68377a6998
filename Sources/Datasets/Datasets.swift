// Datasets: see DESIGN in the documentation catalog.
