"""Adapters of the tracking port: memory (the reference) and SQL."""
