"""`trackway models`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli import logged_models, webhooks
from trackway.cli.connection import Json, Limit, Uri, connect
from trackway.cli.output import Column, moment, print_json, print_pairs, print_table, size
from trackway.cli.series import print_series

if TYPE_CHECKING:
    from trackway.types import ModelVersion, RegisteredModel

app = typer.Typer(
    help="Registered models, their versions, stages and aliases, and logged models.", no_args_is_help=True
)
app.add_typer(webhooks.app, name="webhooks")
app.command("logged")(logged_models.list_logged_models)

_LIST_COLUMNS = (
    Column("Model"),
    Column("Latest in each stage"),
    Column("Aliases"),
    Column("Changed", wrap=False, spare=1),
    Column("Description", spare=2),
)
_VERSION_COLUMNS = (
    Column("Version", "right", wrap=False),
    Column("Stage", wrap=False),
    Column("Aliases"),
    Column("From run", wrap=False, spare=1),
    Column("Size", "right", wrap=False, spare=3),
    Column("Created", wrap=False, spare=2),
    Column("By", spare=4),
)

Order = Annotated[
    list[str] | None,
    typer.Option("--order-by", "-o", metavar="FIELD", help="Such as: 'last_updated_timestamp DESC'. May be repeated."),
]


@app.callback()
def models() -> None:
    """Registered models, their versions, stages and aliases, and logged models."""


@app.command("list")
def list_models(uri: Uri = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List the registered models, by name."""
    with connect(uri) as client:
        found = list(islice(client.registry.search_models(page_size=min(limit, 1000)), limit))
    _print_models(found, as_json=as_json, empty="There are no registered models.")


@app.command("search")
def search_models(
    filter_text: Annotated[
        str, typer.Argument(metavar="FILTER", help="Such as: name LIKE 'vision%' AND tags.team = 'a'")
    ] = "",
    order_by: Order = None,
    uri: Uri = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Search the registered models, in any order; the README has the language."""
    with connect(uri) as client:
        found = client.registry.search_models(filter_text, order_by=order_by or (), page_size=min(limit, 1000))
        _print_models(list(islice(found, limit)), as_json=as_json, empty="No registered model holds that.")


@app.command("versions")
def search_versions(
    filter_text: Annotated[
        str, typer.Argument(metavar="FILTER", help="Such as: stage = 'Production' AND tags.checked = 'yes'")
    ] = "",
    order_by: Order = None,
    uri: Uri = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Search the versions of all registered models, in any order; the README has the language."""
    with connect(uri) as client:
        found = client.registry.search_versions(filter_text, order_by=order_by or (), page_size=min(limit, 1000))
        versions = list(islice(found, limit))
    if as_json:
        print_json(versions)
        return
    columns = (Column("Model"), *_VERSION_COLUMNS)
    rows = [(each.name, *_version_row(each)) for each in versions]
    print_table("Versions", columns, rows, empty="No version holds that.")


@app.command("show")
def show_model(
    name: Annotated[
        str, typer.Argument(metavar="NAME|ID", help="The registered model's name, or a logged model's id (m-…).")
    ],
    uri: Uri = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Show one registered model and its versions, greatest number first; or one logged model."""
    with connect(uri) as client:
        if logged_models.is_logged_model(name):
            logged_models.show_logged_model(client, name, as_json=as_json)
            return
        model = client.registry.get_model(name)
        newest = ["version_number DESC"]
        found = client.registry.search_versions(name=name, order_by=newest, page_size=min(limit, 1000))
        versions = list(islice(found, limit))
    if as_json:
        print_json({"model": model, "versions": versions})
        return
    facts = [("description", model.description), ("changed", moment(model.update_time_us)), *sorted(model.tags.items())]
    print_pairs(model.name, [(key, value) for key, value in facts if value])
    print_table("Versions", _VERSION_COLUMNS, [_version_row(each) for each in versions], empty="It has no version yet.")


@app.command("metrics")
def show_metrics(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The registered model's name.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, max=2**31 - 1, help="The number of the version.")],
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Show what was logged of a version in production: the latest values and more."""
    with connect(uri) as client:
        series = list(client.registry.list_series(name, version))
    if as_json:
        print_json(series)
        return
    print_series(f"Version {version} of {name} in production", series)


def _print_models(found: list[RegisteredModel], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json(found)
        return
    print_table("Models", _LIST_COLUMNS, [_model_row(model) for model in found], empty=empty)


def _model_row(model: RegisteredModel) -> tuple[str, ...]:
    latest = sorted(model.latest_versions, key=lambda version: -version.version)
    return (
        model.name,
        ", ".join(f"{version.version} {version.stage}" for version in latest),
        ", ".join(f"@{alias}={version}" for alias, version in sorted(model.aliases.items())),
        moment(model.update_time_us),
        model.description[:200],
    )


def _version_row(version: ModelVersion) -> tuple[str, ...]:
    return (
        str(version.version),
        version.stage,
        ", ".join(f"@{alias}" for alias in sorted(version.aliases)),
        version.run_id,
        size(version.size_bytes),
        moment(version.create_time_us),
        version.user,
    )
