"""The history of the schema of `artifacts.db`."""
