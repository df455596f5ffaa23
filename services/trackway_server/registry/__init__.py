"""The ModelRegistry service: registered models, versions, stages, aliases, and an event for every change."""
