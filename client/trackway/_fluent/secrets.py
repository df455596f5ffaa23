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
    )
)
_KEYS = frozenset(("api", "access", "private", "secret", "encryption", "signing", "wandb", "openai", "hf", "aws"))
_PLAIN = frozenset("@%+=:,./-_")


def without_credentials(url: str) -> str:
    """An address without user, password, query and fragment; of `ssh://` and `HOST:PATH` the user stays."""
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
    """A command as a shell takes it, at most 8,000 letters, with `***` for what is named like a secret."""
    text = " ".join(map(_quoted, _hushed(words)))
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_COMMAND_LETTERS else f"{text[: MAX_COMMAND_LETTERS - 1]}…"


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
    parts = set(name.lower().replace("-", "_").replace(".", "_").replace("/", "_").split("_"))
    return not parts.isdisjoint(_SECRETS) or ("key" in parts and not parts.isdisjoint(_KEYS))


def _quoted(word: str) -> str:
    if word and all(letter.isalnum() or letter in _PLAIN for letter in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
