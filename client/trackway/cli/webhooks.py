"""`trackway models webhooks`."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from trackway.cli.connection import Json, Limit, Uri, connect
from trackway.cli.output import Column, moment, print_json, print_line, print_pairs, print_table

if TYPE_CHECKING:
    from trackway.types import EventKind, Webhook

app = typer.Typer(help="Webhooks: addresses that are told of events.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id.")]

_COLUMNS = (
    Column("Id", wrap=False),
    Column("Name"),
    Column("Status", wrap=False),
    Column("Delivered", "right", wrap=False, spare=4),
    Column("Events", spare=3),
    Column("Address", spare=1),
    Column("Last error", spare=2),
)


@app.callback()
def webhooks() -> None:
    """Webhooks: addresses that are told of events."""


@app.command("list")
def list_webhooks(uri: Uri = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List the webhooks, newest first."""
    with connect(uri) as client:
        found = list(islice(client.registry.list_webhooks(page_size=min(limit, 1000)), limit))
    if as_json:
        print_json(found)
        return
    print_table("Webhooks", _COLUMNS, [_row(each) for each in found], empty="There are no webhooks.")


@app.command("create")
def create_webhook(
    name: Annotated[str, typer.Argument(metavar="NAME", help="For people.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    events: Annotated[
        list[str] | None,
        typer.Option("--event", "-e", metavar="KIND", help="Such as STAGE_CHANGED; may be repeated. Default: all."),
    ] = None,
    secret: Annotated[
        str,
        typer.Option("--secret", envvar="TRACKWAY_WEBHOOK_SECRET", help="Signs deliveries. Default: one is made."),
    ] = "",
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Have an address told of events. A secret that is made is shown once, here."""
    from trackway.types import EventKind

    made_secret = "" if secret else _new_secret()
    kinds = cast("list[EventKind]", events or get_args(EventKind))
    with connect(uri) as client:
        made = client.registry.create_webhook(name, url, kinds, secret=secret or made_secret)
    if as_json:
        print_json({"webhook": made, **({"secret": made_secret} if made_secret else {})})
        return
    facts = [("id", made.webhook_id), ("address", made.url), ("events", ", ".join(made.events))]
    print_pairs(made.name, [*facts, *([("secret", made_secret)] if made_secret else [])])


@app.command("test")
def test_webhook(webhook_id: Id, uri: Uri = None, as_json: Json = False) -> None:
    """Send an example event, once, and say how that went."""
    with connect(uri) as client:
        told = client.registry.test_webhook(webhook_id)
    if as_json:
        print_json(told)
    else:
        print_line(f"delivered, status {told.http_status}" if told.delivered else f"not delivered: {told.error}")
    if not told.delivered:
        raise typer.Exit(1)


@app.command("enable")
def enable_webhook(webhook_id: Id, uri: Uri = None) -> None:
    """Deliver what happens from now on."""
    with connect(uri) as client:
        print_line(f"{client.registry.update_webhook(webhook_id, status='ACTIVE').name} is active")


@app.command("disable")
def disable_webhook(webhook_id: Id, uri: Uri = None) -> None:
    """Deliver nothing; what happens meanwhile is not delivered later."""
    with connect(uri) as client:
        print_line(f"{client.registry.update_webhook(webhook_id, status='DISABLED').name} is disabled")


@app.command("delete")
def delete_webhook(webhook_id: Id, uri: Uri = None) -> None:
    """Delete a webhook."""
    with connect(uri) as client:
        client.registry.delete_webhook(webhook_id)
    print_line("deleted")


def _new_secret() -> str:
    """A key of 256 bits, as Standard Webhooks writes them."""
    import base64

    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def _row(webhook: Webhook) -> tuple[str, ...]:
    fare = webhook.deliveries
    since = fare.failing_since_time_us
    return (
        webhook.webhook_id,
        webhook.name,
        webhook.status if since is None else f"{webhook.status}, failing since {moment(since)}",
        str(fare.delivered_count),
        ", ".join(webhook.events),
        webhook.url,
        fare.last_error,
    )
