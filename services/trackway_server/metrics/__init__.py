"""Streaming ingestion of metrics, shared by every service that takes them. It knows writers and subjects, not runs."""
