"""Trackway inside other people's tools. Each package here is imported by its tool alone, never by `import trackway`."""
