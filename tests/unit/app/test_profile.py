"""The profile keeps what others wrote, gets our entry, and is nobody else's to read."""

from __future__ import annotations

import stat
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_server.app.profile import ProfileError, forget_key, profile_path, remember_key

ADDRESS = "127.0.0.1:7701"


def content(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text())


def test_a_new_profile_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "profile.toml"
    remember_key(path, ADDRESS, "tw_a")
    assert content(path) == {"servers": {ADDRESS: {"token": "tw_a"}}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["profile.toml"]


def test_a_profile_that_others_could_read_no_longer_is(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text("")
    path.chmod(0o644)
    remember_key(path, ADDRESS, "tw_a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_other_entries_comments_and_order_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    before = (
        '# mine\nuri = "trackways://far.example"\n\n[servers."far.example:7701"]\ntoken = "tw_far"  # work\n\n'
        f'[servers."{ADDRESS}"]  # here\ntoken = "tw_old"\nnote = "kept"\n\n[other]\nx = 1\n'
    )
    path.write_text(before)
    remember_key(path, ADDRESS, "tw_new")
    assert path.read_text() == before.replace("tw_old", "tw_new")


def test_remembering_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    remember_key(path, ADDRESS, "tw_a")
    first = path.stat().st_ino, path.read_text()
    remember_key(path, ADDRESS, "tw_a")
    assert (path.stat().st_ino, path.read_text()) == first


def test_forgetting_removes_that_entry_only(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    remember_key(path, ADDRESS, "tw_a")
    remember_key(path, "[::1]:7702", "tw_b")
    forget_key(path, ADDRESS)
    assert content(path) == {"servers": {"[::1]:7702": {"token": "tw_b"}}}
    forget_key(path, ADDRESS)
    forget_key(path, "[::1]:7702")
    assert content(path).get("servers", {}) == {}


@pytest.mark.parametrize(
    "text",
    ["not toml [", f'servers = {{"{ADDRESS}" = {{token = "tw_x"}}}}\n', f'[servers]\n"{ADDRESS}".token = "tw_x"\n'],
)
def test_a_profile_in_a_form_not_understood_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(text)
    with pytest.raises(ProfileError, match="left alone"):
        remember_key(path, ADDRESS, "tw_new")
    assert path.read_text() == text


def test_a_folder_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfileError, match="cannot be written"):
        remember_key(tmp_path / "file" / "profile.toml", ADDRESS, "tw_a")


def test_a_linked_profile_is_changed_where_it_lies(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text("")
    link = tmp_path / "profile.toml"
    link.symlink_to(real)
    remember_key(link, ADDRESS, "tw_a")
    assert link.is_symlink()
    assert content(real) == {"servers": {ADDRESS: {"token": "tw_a"}}}


def test_servers_that_start_at_once_all_get_their_entry(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    ports = range(8000, 8016)
    threads = [threading.Thread(target=remember_key, args=(path, f"127.0.0.1:{port}", f"tw_{port}")) for port in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content(path) == {"servers": {f"127.0.0.1:{port}": {"token": f"tw_{port}"} for port in ports}}


names = st.from_regex(r"[a-z0-9.]{1,12}:[0-9]{1,5}", fullmatch=True)
keys = st.from_regex(r"tw_[A-Za-z0-9_-]{1,43}", fullmatch=True)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(names, st.one_of(keys, st.none())), max_size=12))
def test_any_sequence_of_changes_leaves_the_last_of_each(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str | None]]
) -> None:
    path = tmp_path_factory.mktemp("profile") / "profile.toml"
    expected: dict[str, object] = {}
    for address, key in steps:
        if key is None:
            forget_key(path, address)
            expected.pop(address, None)
        else:
            remember_key(path, address, key)
            expected[address] = {"token": key}
    assert (content(path).get("servers", {}) if path.exists() else {}) == expected


def test_where_the_profile_is(tmp_path: Path) -> None:
    from trackway import config

    for environ in ({"TRACKWAY_PROFILE": "/p"}, {"XDG_CONFIG_HOME": "/x"}, {}):
        assert str(profile_path(environ)) == config.profile_path(environ)
