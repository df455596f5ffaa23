"""Adapters of the metrics ports: memory (the reference) and SQL."""
