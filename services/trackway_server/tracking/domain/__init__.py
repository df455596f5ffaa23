"""The rules of experiments and runs; no transport, no database."""
