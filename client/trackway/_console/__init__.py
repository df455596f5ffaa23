"""Console capture: what a training process writes to its terminal, recorded as lines."""
