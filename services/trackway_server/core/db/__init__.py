"""Databases: how store functions are run, and how schemas are migrated."""
