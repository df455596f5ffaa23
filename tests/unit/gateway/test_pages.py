"""What strangers write is shown as text, whatever it is."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from trackway.api.metrics.v1.ingest_pb2 import DatasetInput
from trackway.api.metrics.v1.series_pb2 import SeriesSummary
from trackway.api.registry.v1.resources_pb2 import ModelVersion, RegisteredModel
from trackway.api.tracking.v1.resources_pb2 import Experiment, Run, RunStatus
from trackway_server.gateway.pages import render_overview, render_run
from trackway_server.gateway.reader import Overview
from trackway_server.gateway.views import duration, experiment_view, model_view, moment, run_view

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</bdi></td></table><iframe src=//evil.example>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "&lt;script&gt;",
    "\u202eevil",
]
OURS = {
    "html",
    "head",
    "meta",
    "title",
    "link",
    "body",
    "header",
    "a",
    "p",
    "main",
    "h1",
    "h2",
    "div",
    "table",
    "tr",
    "th",
    "td",
    "span",
    "bdi",
    "br",
    "code",
    "dl",
    "dt",
    "dd",
    "footer",
}


class Tags(HTMLParser):
    """Collects elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    return tags


def hostile_run(text: str) -> Run:
    return Run(
        run_id=text,
        experiment_id=text,
        run_name=text,
        parent_run_id=text,
        user_id=text,
        status=RunStatus.RUN_STATUS_FAILED,
        status_message=text,
        params={text: text},
        tags={text: text},
        metrics=[SeriesSummary(key=text, context={text: text}, last_value=float("nan"))],
        dataset_inputs=[DatasetInput(name=text, digest=text, context=text)],
    )


def hostile_model(text: str) -> RegisteredModel:
    version = ModelVersion(name=text, version=1, stage=text, run_id=text)
    return RegisteredModel(name=text, description=text, aliases={text: 1}, latest_versions=[version])


def pages(text: str) -> list[str]:
    run = run_view(hostile_run(text))
    overview = Overview(
        experiments=(experiment_view(Experiment(experiment_id=text, name=text)),),
        more_experiments=True,
        experiment_id=text,
        runs=(run,),
        next_runs="/?page=x#runs",
        models=(model_view(hostile_model(text)),),
        more_models=True,
    )
    return [render_overview(overview), render_run(run)]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_add_no_element_no_handler_and_no_foreign_link(text: str) -> None:
    for html in pages(text):
        tags = parsed(html)
        assert tags.names <= OURS
        assert not [name for name, _ in tags.attributes if name.startswith("on") or name in ("style", "src")]
        links = [value for name, value in tags.attributes if name == "href"]
        assert all(link.startswith(("/", "data:,")) and not link.startswith("//") for link in links)
        assert text in tags.text


def test_templates_have_neither_scripts_nor_inline_styles() -> None:
    for html in pages("plain"):
        assert "<script" not in html
        assert "style=" not in html
        assert "<style" not in html


def test_the_links_that_mlflows_client_prints_lead_to_their_rows() -> None:
    run = run_view(Run(run_id="a" * 32, experiment_id="4"))
    experiment = experiment_view(Experiment(experiment_id="4", name="e"))
    version = ModelVersion(name="iris", version=1, stage="None")
    model = model_view(RegisteredModel(name="iris", latest_versions=[version]))
    html = render_overview(Overview((experiment,), False, "", (run,), "", (model,), False))
    ids = {value for name, value in parsed(html).attributes if name == "id"}
    fragments = {"/experiments/4", f"/experiments/4/runs/{'a' * 32}", "/models/iris", "/models/iris/versions/1"}
    assert fragments <= ids


def test_an_empty_server_says_what_to_do() -> None:
    html = render_overview(Overview((), False, "", (), "", (), False))
    assert "No runs yet" in html
    assert "No registered models yet" in html


def test_long_values_are_cut_and_many_pairs_counted() -> None:
    run = Run(run_name="r", run_id="a" * 32, status=1, params={f"p{n}": "x" * 10_000 for n in range(20)})
    html = render_overview(Overview((), False, "", (run_view(run),), "", (), False))
    assert "and 12 more" in html
    assert len(html) < 20_000


def test_times_out_of_range_do_not_break_a_page() -> None:
    assert moment(2**63 - 1) == str(2**63 - 1)
    assert moment(0) == "1970-01-01 00:00:00"
    assert duration(0, 0) == ""
    assert duration(0, 61_000_000) == "1 min 1 s"
    assert duration(0, 7_260_000_000) == "2 h 1 min"
    assert duration(10, 5) == "0.0 s"
