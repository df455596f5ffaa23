"""Renders the pages. Every value is escaped by the template engine; a name that a template lacks is an error."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

    from trackway_server.gateway.reader import Overview
    from trackway_server.gateway.views import RunView


def render_overview(page: Overview) -> str:
    """The page of experiments, runs and models."""
    return _templates().get_template("overview.html").render(page=page)


def render_run(run: RunView) -> str:
    """The page of one run."""
    return _templates().get_template("run.html").render(run=run)


@cache
def _templates() -> jinja2.Environment:
    # Loaded by the first page: most servers start many times before somebody looks.
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("trackway_server.gateway"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
