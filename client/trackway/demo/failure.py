"""How the demo fails: with one line."""

from __future__ import annotations


class DemoFailure(Exception):
    """Something the demo promises is missing. The text is one line for people."""
