"""The program `trackway server`: which services a target runs, and how they are started, announced and stopped."""
