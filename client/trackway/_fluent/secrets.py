"""What must not be told: credentials in addresses, and values of options that are named like secrets."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_COMMAND_LETTERS = 8000
_HIDDEN = "***"
_SECRETS = frozenset(
    (
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "apikey",
        "credential",
        "credentials",
        "auth",
        "authorization",
        "pass",
        "pw",
        "jwt",
        "bearer",
    )
)
_KEYS = frozenset(("api", "access", "private", "secret", "encryption", "signing", "wandb", "openai", "hf", "aws"))
_ENDS = ("password", "passwd", "secret", "apikey", "secretkey", "accesskey", "privatekey", "apitoken", "accesstoken")
"""Of words that are written as one."""
_OF_TEXT = frozenset(
    ("max", "min", "num", "pad", "eos", "bos", "unk", "sep", "cls", "mask", "special", "per", "stop", "image", "new")
) | {"count", "limit", "size", "length", "type", "prefix", "vocab", "start", "end", "text", "level"}
"""Beside one of these a token is a piece of text."""
_MARKS = (
    *("pass", "pwd", "secret", "key", "token", "auth", "credential", "bearer", "sig", "hooks.slack"),
    *("akia", "asia", "abia", "acca", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat", "gldt", "glrt"),
    *("glptt", "glcbt", "glsoat", "glft", "xox", "xapp-", "aiza", "gocspx", "ya29.", "eyj", "twk_", "tw_", "hf_"),
    *("api_org_", "sk-", "sk_", "rk_", "npm_", "pypi-", "dckr_", "dop_v1_", "dapi", "sg.", "nvapi-", "gsk_", "r8_"),
    *("shpat_", "shpca_", "shppa_", "shpss_", "glsa_", "lin_api_", ":aa"),
)
"""One of these stands in all that `_source.redaction` finds beside users in addresses."""
_SEPARATORS = str.maketrans("-./", "___")
_PLAIN = frozenset("@%+=:,./-_")


def without_credentials(url: str) -> str:
    """An address without user, password, query, fragment and what else looks like a secret; of `ssh://` and `HOST:PATH`
    the user stays."""
    return _without_forms(_without_users_of(url))


def _without_users_of(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        user, at, host = url.partition("@")
        return f"{user.partition(':')[0]}@{host}" if at and "/" not in user else url
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    user, at, host = rest[:end].rpartition("@")
    path = rest[end:].partition("?")[0].partition("#")[0]
    kept = f"{user.partition(':')[0]}@" if at and scheme in ("ssh", "git+ssh") else ""
    return f"{scheme}://{kept}{host}{path}"


def command_line(words: Sequence[str]) -> str:
    """A command as a shell takes it, at most 8,000 letters, with `***` for what is named or looks like a secret."""
    text = " ".join(_quoted(_without_forms(word)) for word in _hushed(words))
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_COMMAND_LETTERS else f"{text[: MAX_COMMAND_LETTERS - 1]}…"


def _without_forms(text: str) -> str:
    """The text without what looks like a secret. Patterns are loaded where something hints at one: few command lines
    of training processes do."""
    plain = text.lower()
    if not any(mark in plain for mark in _MARKS):
        return text
    from trackway._source.redaction import redacted

    return redacted(text, loose=True)


def _hushed(words: Iterable[str]) -> Iterator[str]:
    hide = False
    for word in words:
        if hide and not word.startswith("-"):
            hide = False
            yield _HIDDEN
            continue
        end = min((place for mark in "=:" if (place := word.find(mark)) >= 0), default=len(word))
        name, equals = word[:end], word[end : end + 1]
        secret = _is_secret(name)
        hide = secret and not equals and word.startswith("-")
        if equals and secret:
            yield f"{name}{equals}{_HIDDEN}"
        else:
            yield _without_users(word)


def _without_users(text: str) -> str:
    """A word, or a whole script, whose addresses name no user and password."""
    first, *rest = text.split("://")
    for number, part in enumerate(rest):
        end = min((place for mark in "/?# \n\t'\"," if (place := part.find(mark)) >= 0), default=len(part))
        rest[number] = part[:end].rpartition("@")[2] + part[end:]
    return "://".join((first, *rest))


def _is_secret(name: str) -> bool:
    if len(name) > 100:
        return False
    words = _words(name)
    named = words & _SECRETS
    if named == {"token"} and words & _OF_TEXT:
        return False
    return bool(named) or ("key" in words and not words.isdisjoint(_KEYS)) or any(map(_ends_secret, words))


def _words(name: str) -> set[str]:
    """`dbAccess-key` → `db`, `access`, `key`."""
    before = zip(f"_{name}", name, strict=False)
    spaced = "".join(f"_{letter}" if letter.isupper() and last.islower() else letter for last, letter in before)
    return {word for word in spaced.lower().translate(_SEPARATORS).split("_") if word}


def _ends_secret(word: str) -> bool:
    return word.endswith(_ENDS)


def _quoted(word: str) -> str:
    if word and all(letter.isalnum() or letter in _PLAIN for letter in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
