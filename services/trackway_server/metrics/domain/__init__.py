"""The rules of ingestion: pure functions and values over numpy columns; no transport, no database."""
