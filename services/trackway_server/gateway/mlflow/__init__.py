"""MLflow's REST API over Trackway's RPCs, as MLflow 3 writes it: what is kept of a run is the same for both."""
