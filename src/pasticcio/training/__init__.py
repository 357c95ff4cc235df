"""Training: data, the loop, and the export of a trained network to a model folder."""
