"""System metrics: what the machine, or the container, of a training process does."""
