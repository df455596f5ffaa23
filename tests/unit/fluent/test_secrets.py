"""Credentials stay out of tags."""

from __future__ import annotations

import pytest

from trackway._fluent.secrets import MAX_COMMAND_LETTERS, command_line, without_credentials


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://me:ghp_x@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://ghp_x@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://me:p@ss@host:8443/a@b", "https://host:8443/a@b"),
        ("https://host/a?private_token=x#y", "https://host/a"),
        ("https://me:x@host", "https://host"),
        ("ssh://git@host:22/a", "ssh://git@host:22/a"),
        ("ssh://git:x@host/a", "ssh://git@host/a"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("/srv/git/a@b", "/srv/git/a@b"),
        ("../a", "../a"),
    ],
)
def test_an_address(url: str, told: str) -> None:
    assert without_credentials(url) == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["python", "train.py", "--lr", "0.1"], "python train.py --lr 0.1"),
        (["python", "-c", "print('a b')"], """python -c 'print('"'"'a b'"'"')'"""),
        (["t", "--token", "x", "--lr", "1"], "t --token '***' --lr 1"),
        (["t", "--api-key=x", "wandb.api_key=x", "-password"], "t '--api-key=***' 'wandb.api_key=***' -password"),
        (["t", "--token", "--lr", "1"], "t --token --lr 1"),
        (["t", "--tokenizer", "bert", "--keys", "a"], "t --tokenizer bert --keys a"),
        (["t", "--db=postgres://u:p@h/d", "s3://a@b/c?d"], "t --db=postgres://h/d 's3://b/c?d'"),
        (["t", "", "\udcff"], r"t '' '\udcff'"),
    ],
)
def test_a_command(words: list[str], told: str) -> None:
    assert command_line(words) == told


def test_a_script_on_the_command_line() -> None:
    told = command_line(["python", "-c", "connect('postgres://me:geheim@host/db') # why?\nx = 'y://z'"])
    assert "geheim" not in told and "host/db') # why?" in told.replace("'\"'\"'", "'")
    assert len(command_line(["x" * 100_000])) == MAX_COMMAND_LETTERS


def test_secrets_behind_a_colon_and_in_headers_are_hidden() -> None:
    given = ["t.py", "--header", "Authorization: Bearer X1", "--secret:X1", "--wandb_key", "X1", "https://h/x:1", "a:b"]
    told = command_line(given)
    assert "X1" not in told
    assert told.endswith(" https://h/x:1 a:b")
