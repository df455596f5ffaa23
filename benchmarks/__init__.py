"""What `make bench` runs: Trackway beside MLflow, measured in the same run. See __main__.py."""
