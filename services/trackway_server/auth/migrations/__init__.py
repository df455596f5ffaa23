"""The history of the schema of `auth.db`."""
