"""Run in MLflow's own environment, one process each; the last line they print is JSON."""
