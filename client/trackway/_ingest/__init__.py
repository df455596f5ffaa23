"""Logging without loss and without waiting: the writer (hot path), the spool (file format), the uplink (sender)."""
