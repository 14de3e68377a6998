// PostTraining: see DESIGN in the documentation catalog.
