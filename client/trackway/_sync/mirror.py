"""A class that mirrors an asynchronous one method by method: a test compares the signatures, this copies the words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

C = TypeVar("C", bound=type)


def mirrors(original: type) -> Callable[[C], C]:
    """Give the decorated class, and its methods of the same name, the docstrings of `original`."""

    def copy_words(mirror: C) -> C:
        mirror.__doc__ = original.__doc__
        for name, method in vars(mirror).items():
            if not name.startswith("_") and callable(method):
                method.__doc__ = getattr(original, name).__doc__
        return mirror

    return copy_words
