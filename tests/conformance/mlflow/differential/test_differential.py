"""Our REST API answers as MLflow's own server does, but for what is listed with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.mlflow.differential.accepting import Accepted, judge
from conformance.mlflow.differential.comparing import Difference, differences
from conformance.mlflow.differential.comparison import compare
from conformance.mlflow.differential.corpus.stories import AREAS
from conformance.mlflow.differential.playing import Answer
from conformance.mlflow.differential.servers import present


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("mlflow-differential")
@pytest.mark.skipif(not present(), reason="MLflow has an environment of its own: make bench makes it")
def test_every_answer_is_mlflows_or_its_difference_is_listed(tmp_path: Path) -> None:
    compared = compare(tmp_path, tuple(AREAS))
    assert compared.requests >= 2000
    assert not compared.judged.unlisted, "\n".join(map(str, compared.judged.unlisted))
    assert not compared.judged.gone, "\n".join(compared.judged.gone)


def test_no_two_stories_have_one_name() -> None:
    names = [story.name for stories, _ in AREAS.values() for story in stories]
    assert len(names) == len(set(names))


def _answer(body: object, status: int = 200, **kept: str) -> Answer:
    return Answer(status, "application/json", body, kept, 1_800_000_000_000)


def _found(theirs: Answer, ours: Answer) -> list[Difference]:
    return list(differences("a/b", theirs, ours))


def test_what_a_server_chooses_is_no_difference() -> None:
    one, other = "1" * 31 + "2", "3" * 31 + "4"
    theirs = {"id": one, "at": 1_800_000_000_500, "run_name": "nimble-heron-417", "message": "experiment 12 is gone"}
    ours = {"id": other, "at": 1_800_000_009_999, "run_name": "able-fox-1", "message": "experiment 7 is gone"}
    assert _found(_answer(theirs, run=one, experiment="12"), _answer(ours, run=other, experiment="7")) == []
    tags = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert _found(_answer({"tags": tags}), _answer({"tags": tags[::-1]})) == []
    assert len(_found(_answer({"metrics": tags}), _answer({"metrics": tags[::-1]}))) == 1


def test_types_fields_and_states_are_differences() -> None:
    def places(theirs: object, ours: object) -> list[str]:
        return [one.place for one in _found(_answer(theirs), _answer(ours))]

    assert places({"a": 1}, {"a": 1.0}) == ["a"]
    assert places({"a": 1}, {"a": True}) == ["a"]
    assert places({"a": 1, "b": {}}, {"b": {"c": 2}}) == ["a", "b.c"]
    assert places({"a": [1]}, {"a": [1, 2]}) == ["a"]
    assert [one.place for one in _found(_answer({"a": 1}, 400), _answer({}, 404))] == ["status"]


def test_an_entry_that_takes_nothing_is_told() -> None:
    difference = Difference("story/step", "run.tags[].key", "x", "y")
    entry = Accepted("why", ("story/*", "other/*"), "run.tags[].key", "x")
    judged = judge([difference], [entry])
    assert (judged.unlisted, len(judged.accepted), len(judged.gone)) == ([], 1, 1)
    for other in (Accepted("why", ("story/*",), "run.tags"), Accepted("why", ("story/*",), theirs="z")):
        assert judge([difference], [other]).unlisted == [difference]
