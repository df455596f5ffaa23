"""ArtifactPath: what it refuses, and that it is never laxer than the format on the wire."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.hostile_paths import REFUSED, TAKEN, hostile_paths, stays_inside
from trackway_server.artifacts.domain.paths import (
    ArtifactPath,
    after_file,
    after_folder,
    end_of,
    parse_folder,
    prefix_of,
)
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.formats import is_artifact_path


@pytest.mark.parametrize("text", REFUSED)
def test_hostile_paths_are_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        ArtifactPath(text)
    assert refusal.value.reason is Reason.ARTIFACT_PATH_INVALID
    assert set(refusal.value.metadata) == {"path"}
    assert len(refusal.value.message) < 1000


@pytest.mark.parametrize("text", TAKEN)
def test_plain_paths_are_kept_exactly(text: str) -> None:
    assert str(ArtifactPath(text)) == text
    assert is_artifact_path(text)


@settings(max_examples=400)
@given(hostile_paths())
@example("\ufdfa" * 300)
def test_a_path_stays_inside_for_every_reader_or_is_refused(text: str) -> None:
    try:
        path = ArtifactPath(text)
    except DomainError as refusal:
        assert refusal.reason is Reason.ARTIFACT_PATH_INVALID
        refusal.message.encode()
    else:
        assert path.text == text
        assert stays_inside(text)
        assert is_artifact_path(text), "the domain may be stricter than the wire, never laxer"


@given(st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=3))
def test_lone_surrogates_are_refused_with_a_message_that_can_be_sent(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        ArtifactPath("a" + text)
    (refusal.value.message + refusal.value.metadata["path"]).encode()


def test_the_empty_text_is_the_root_folder_and_no_file() -> None:
    assert parse_folder("") is None
    with pytest.raises(DomainError):
        ArtifactPath("")


def test_ancestors_and_name() -> None:
    assert ArtifactPath("a/b/c").ancestors() == ("a", "a/b")
    assert ArtifactPath("a").ancestors() == ()
    assert ArtifactPath("a/b/c").name == "c"


PARTS = st.text("ab-.0 \u00e9\U0001f389", min_size=1, max_size=6).filter(lambda part: part[-1] not in ". ")
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@settings(max_examples=200)
@given(PATHS, PATHS)
def test_bounds_enclose_exactly_what_lies_below_a_folder(text: str, other: str) -> None:
    folder, below = parse_folder(text), f"{text}/{other}"
    end = end_of(folder)
    assert end is not None
    assert prefix_of(folder) < below < end
    assert text < after_file(text) < prefix_of(folder)
    assert (prefix_of(folder) <= other < end) == other.startswith(prefix_of(folder))
    assert after_folder(text) == end
