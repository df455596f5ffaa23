"""The admin key, and who it lets in."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from trackway_server.core.auth.authenticator import AdminKeyAuthenticator, InsecureAuthenticator
from trackway_server.core.auth.keys import admin_key, new_key
from trackway_server.core.auth.principal import LOCAL_ADMIN
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError


def test_the_first_start_makes_a_key_that_later_starts_find(tmp_path: Path) -> None:
    path = tmp_path / "admin.key"
    key = admin_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert admin_key(path) == key
    assert key.get_secret_value() == path.read_text().strip()
    assert len(key.get_secret_value()) == 46
    assert key.get_secret_value() not in repr(key)
    assert [file.name for file in tmp_path.iterdir()] == ["admin.key"]


def test_keys_differ() -> None:
    assert len({new_key().get_secret_value() for _ in range(100)}) == 100


def test_starts_at_once_find_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: admin_key(tmp_path / "admin.key"), range(32)))
    assert len({key.get_secret_value() for key in keys}) == 1


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    admin_key(tmp_path / "admin.key")
    (tmp_path / "admin.key").chmod(0o640)
    with pytest.raises(StartupError, match="chmod 600"):
        admin_key(tmp_path / "admin.key")


@pytest.mark.parametrize("text", ["", "tw_short", "x" * 46])
def test_a_key_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "admin.key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(StartupError, match="holds no key"):
        admin_key(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    admin_key(tmp_path / "other")
    (tmp_path / "admin.key").symlink_to(tmp_path / "other")
    with pytest.raises(StartupError):
        admin_key(tmp_path / "admin.key")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot use the key file"):
        admin_key(tmp_path / "missing" / "admin.key")


KEY = "tw_" + "a" * 43


@pytest.mark.parametrize("given", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
async def test_the_key_lets_in(given: str) -> None:
    assert await AdminKeyAuthenticator(SecretStr(KEY)).authenticate(given) == LOCAL_ADMIN


@pytest.mark.parametrize(
    "given", [KEY, f"Basic {KEY}", "Bearer", "Bearer ", f"Bearer {KEY}a", "Bearer é", "Bearer \ud800"]
)
async def test_anything_else_does_not(given: str) -> None:
    with pytest.raises(DomainError) as refused:
        await AdminKeyAuthenticator(SecretStr(KEY)).authenticate(given)
    assert refused.value.reason is Reason.CREDENTIALS_INVALID
    assert KEY not in refused.value.message


@pytest.mark.parametrize("given", [None, ""])
async def test_no_credentials(given: str | None) -> None:
    with pytest.raises(DomainError) as refused:
        await AdminKeyAuthenticator(SecretStr(KEY)).authenticate(given)
    assert refused.value.reason is Reason.CREDENTIALS_MISSING


async def test_without_auth_everyone_is_the_admin() -> None:
    assert await InsecureAuthenticator().authenticate(None) == LOCAL_ADMIN
