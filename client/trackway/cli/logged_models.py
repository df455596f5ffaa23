"""`trackway models logged`, and how other commands show logged models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.connection import Json, Limit, Uri, connect, experiment_named
from trackway.cli.output import Column, moment, number, pairs_text, print_json, print_pairs, print_table

if TYPE_CHECKING:
    from trackway.client import Client
    from trackway.logged_model import LoggedModel, LoggedModelMetric
    from trackway.types import Run

_COLUMNS = (
    Column("Model", wrap=False),
    Column("Name"),
    Column("Status", wrap=False),
    Column("Step", "right", wrap=False, spare=1),
    Column("Metrics", spare=2),
    Column("Params", spare=3),
    Column("Type", spare=6),
    Column("From run", wrap=False, spare=4),
    Column("Made", wrap=False, spare=5),
)
_MOST_NAMED = 200
"""Models of a run that are shown with their names: of more, the ids are enough."""
_EDGE_COLUMNS = (Column("Model", wrap=False), Column("Step", "right", wrap=False), Column("Name"), Column("Status"))


def list_logged_models(
    filter_text: Annotated[
        str, typer.Argument(metavar="FILTER", help="Such as: metrics.loss < 0.2 AND status = 'READY'")
    ] = "",
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME|ID", help="Only the models of this experiment.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only the models that this run made.")] = None,
    order_by: Annotated[
        list[str] | None,
        typer.Option("--order-by", "-o", metavar="FIELD", help="Such as: 'metrics.loss DESC'. May be repeated."),
    ] = None,
    uri: Uri = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List or search the logged models, which runs make before any is registered; newest first."""
    with connect(uri) as client:
        made = None if run is None else client.tracking.get_run(run)
        terms = [filter_text] if filter_text else []
        if made is not None:
            terms = [*(f"({term})" for term in terms), f"source_run_id = '{made.info.run_id}'"]
        chosen = [made.info.experiment_id] if made is not None else []
        if experiment is not None:
            chosen = [experiment_named(client, experiment).experiment_id]
        found = client.logged_models.search(
            chosen, filter=" AND ".join(terms), order_by=order_by or (), page_size=min(limit, 1000)
        )
        models = list(islice(found, limit))
        steps = {} if as_json else _steps(client, models)
    if as_json:
        print_json(models)
        return
    rows = [_row(model, steps.get(model.model_id, "")) for model in models]
    print_table("Logged models", _COLUMNS, rows, empty="There is no such logged model.")


def is_logged_model(name: str) -> bool:
    """Whether a name is the id of a logged model."""
    return len(name) == 34 and name.startswith("m-") and set(name[2:]) <= set("0123456789abcdef")


def show_logged_model(client: Client, model_id: str, *, as_json: bool) -> None:
    """Print all that is known of a logged model, with its files."""
    model = client.logged_models.get(model_id)
    files = list(client.artifacts.list(model_id, recursive=True))
    if as_json:
        print_json({"model": model, "files": files})
        return
    facts = [
        ("model", model.model_id),
        ("experiment", model.experiment_id),
        ("from run", model.source_run_id or ""),
        ("type", model.model_type or ""),
        ("status", " ".join(filter(None, (model.status, model.status_message)))),
        ("deleted", "yes" if model.lifecycle_stage == "deleted" else ""),
        ("made", moment(model.create_time_us)),
        ("files", f"{len(files)}, {sum(each.file_size or 0 for each in files):,} bytes" if files else ""),
    ]
    print_pairs(model.name, [(key, value) for key, value in facts if value])
    print_pairs("Params", sorted(model.params.items()))
    print_pairs("Metrics", [(_measured(metric), number(metric.value)) for metric in model.metrics])
    print_pairs("Tags", sorted(model.tags.items()))


def print_models_of(client: Client, run: Run) -> None:
    """Print the logged models that a run read and made."""
    read = [(each.model_id, "") for each in run.inputs.model_inputs]
    outputs = sorted(run.outputs.model_outputs, key=lambda each: (each.step, each.model_id))
    made = [(each.model_id, str(each.step)) for each in outputs]
    for title, edges in (("Models read", read), ("Models made", made)):
        if not edges:
            continue
        known = {}
        if len(edges) <= _MOST_NAMED:
            known = _known(client, run.info.experiment_id, {model_id for model_id, _ in edges})
        print_table(title, _EDGE_COLUMNS, [(*edge, *known.get(edge[0], ("", ""))) for edge in edges], empty="")


def _steps(client: Client, models: Sequence[LoggedModel]) -> dict[str, str]:
    """The steps at which the models were made, as their runs say; asked for all of them at once."""
    run_ids = sorted({model.source_run_id for model in models if model.source_run_id})
    if not run_ids:
        return {}
    wanted = ", ".join(f"'{run_id}'" for run_id in run_ids)
    experiments = {model.experiment_id for model in models}
    runs = client.tracking.search_runs(sorted(experiments), filter=f"run_id IN ({wanted})", page_size=1000)
    return {made.model_id: str(made.step) for run in runs for made in run.outputs.model_outputs}


def _known(client: Client, experiment: str, model_ids: set[str]) -> dict[str, tuple[str, str]]:
    wanted = ", ".join(f"'{model_id}'" for model_id in sorted(model_ids))
    found = client.logged_models.search([experiment], filter=f"model_id IN ({wanted})", page_size=_MOST_NAMED)
    return {model.model_id: (model.name, model.status) for model in found}


def _row(model: LoggedModel, step: str) -> tuple[str, ...]:
    return (
        model.model_id,
        model.name,
        model.status,
        step,
        pairs_text({_measured(metric): number(metric.value) for metric in model.metrics}),
        pairs_text(model.params),
        model.model_type or "",
        model.source_run_id or "",
        moment(model.create_time_us),
    )


def _measured(metric: LoggedModelMetric) -> str:
    return f"{metric.key} ({metric.dataset_name})" if metric.dataset_name else metric.key
