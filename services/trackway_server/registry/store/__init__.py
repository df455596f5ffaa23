"""Adapters of the registry's store: memory (the reference) and SQL."""
