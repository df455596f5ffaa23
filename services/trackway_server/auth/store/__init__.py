"""The directory in memory and in SQL."""
