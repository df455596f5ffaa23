"""The values of `trackway.types`, by what they are about."""
