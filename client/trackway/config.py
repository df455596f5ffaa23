"""Where the server is, and with which key: the manual.

Each setting is taken from the first place that has it:

1. **arguments**: `Client("trackway://…", token="…")`, `trackway.set_tracking_uri("trackway://…")`
2. **environment variables**
3. **the profile**, a TOML file that belongs to you alone (mode 0600)
4. the **default**

| Setting | Environment variable | Profile                       | Default                            |
|---------|----------------------|-------------------------------|------------------------------------|
| server  | `TRACKWAY_URI`       | `uri = "trackway://…"`        | `trackway://127.0.0.1:7701`        |
| key     | `TRACKWAY_TOKEN`     | `[servers."HOST:PORT"] token` | none                               |
| profile | `TRACKWAY_PROFILE`   | –                             | `~/.config/trackway/profile.toml`  |
| spools  | `TRACKWAY_SPOOL_DIR` | –                             | `~/.local/share/trackway/spool`    |

The two folders follow `XDG_CONFIG_HOME` and `XDG_DATA_HOME` where those are set.

**Addresses.** `trackway://HOST:PORT` is plain text, meant for this machine; `trackways://HOST:PORT` is TLS. The port
may be left out and is then 7701. An IPv6 address stands in brackets: `trackway://[::1]:7701`. TLS trusts the
authorities that gRPC ships; name others in a PEM file with `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH`.

**Keys.** A server on this machine writes its key into your profile when it starts, so nothing needs to be set. A key
from the profile goes to the server it is noted for and to no other; `TRACKWAY_TOKEN` goes to whichever server is
chosen. A key never stands in an address. An API key (`twk_…`, see `trackway auth keys`) is exchanged for a token that
lives some minutes, again and again, without your doing. A profile looks like this:

    uri = "trackways://trackway.example.org"

    [servers."127.0.0.1:7701"]
    token = "tw_…"

    [servers."trackway.example.org:7701"]
    token = "tw_…"

This module imports nothing that costs time: training scripts load it.
"""

from __future__ import annotations

import os

from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_URI = "trackway://127.0.0.1:7701"
DEFAULT_PORT = 7701
DEFAULT_WORKSPACE = "default"

_SCHEMES = {"trackway": False, "trackways": True}
_LOOPBACK = ("127.0.0.1", "[::1]")


class ServerAddress:
    """A server and the key for it. Immutable; its `repr` does not show the key."""

    __slots__ = ("target", "tls", "token", "uri")

    uri: str
    """`trackway://HOST:PORT` or `trackways://HOST:PORT`, the port always written."""
    target: str
    """`HOST:PORT`, as gRPC takes it."""
    tls: bool
    token: str | None

    def __init__(self, uri: str, target: str, tls: bool, token: str | None) -> None:
        for name, value in (("uri", uri), ("target", target), ("tls", tls), ("token", token)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a ServerAddress cannot be changed: {name}")

    def __reduce__(self) -> tuple[type[ServerAddress], tuple[str, str, bool, str | None]]:
        return ServerAddress, (self.uri, self.target, self.tls, self.token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerAddress) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.uri, self.token))

    def __repr__(self) -> str:
        return f"ServerAddress({self.uri!r}, token={'given' if self.token else None})"

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine."""
        host = self.target.rpartition(":")[0]
        return host in ("localhost", "[::1]") or host.startswith("127.")


def resolve(
    uri: str | None = None, *, token: str | None = None, environ: Mapping[str, str] = os.environ
) -> ServerAddress:
    """The server to talk to, by the order of this module's manual.

    Raises InvalidArgument for an address or a profile that cannot be read.
    """
    chosen = uri or environ.get("TRACKWAY_URI")
    key = token or environ.get("TRACKWAY_TOKEN")
    profile = {} if chosen and key else read_profile(environ)
    address = parse_uri(chosen or _text(profile, "uri") or DEFAULT_URI)
    key = key or _profile_token(profile, address.target)
    return ServerAddress(address.uri, address.target, address.tls, _checked_key(key))


def parse_uri(uri: str) -> ServerAddress:
    """The address in `uri`, without a key. Raises InvalidArgument with what to write instead."""
    scheme, separator, rest = uri.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise InvalidArgument(_scheme_advice(uri, scheme.lower() if separator else "", rest))
    if "@" in rest:
        raise InvalidArgument("a server's address holds no key: write trackway://HOST:PORT and set TRACKWAY_TOKEN")
    authority = rest.removesuffix("/")
    if any(mark in authority for mark in "/?#"):
        raise InvalidArgument(f"{uri!r} goes on after the port: write trackway://HOST:PORT")
    host, port = _host_and_port(authority, uri)
    tls = _SCHEMES[scheme.lower()]
    target = f"{host}:{port}"
    return ServerAddress(f"{'trackways' if tls else 'trackway'}://{target}", target, tls, None)


def profile_path(environ: Mapping[str, str] = os.environ) -> str:
    """Where the profile is, whether or not there is one."""
    if given := environ.get("TRACKWAY_PROFILE"):
        return given
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")  # noqa: PTH111, PTH118
    return os.path.join(base, "trackway", "profile.toml")  # noqa: PTH118


def read_profile(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The profile's content; empty where there is none. Raises InvalidArgument where it cannot be read."""
    path = profile_path(environ)
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidArgument(f"the profile {path} cannot be read: {error.strerror}") from None
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except ValueError as error:
        raise InvalidArgument(f"the profile {path} is not valid TOML: {error}") from None


def _scheme_advice(uri: str, scheme: str, rest: str) -> str:
    host = rest.rpartition("@")[2].split("/")[0]
    if scheme in ("http", "https"):
        wanted = "trackways" if scheme == "https" else "trackway"
        name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
        return (
            f"{scheme}://{host} is no Trackway address: write {wanted}://{name or 'HOST'}:{DEFAULT_PORT}"
            " (the port of gRPC, not of HTTP)"
        )
    if scheme or ":" not in uri or uri.startswith(("file:", "sqlite:", "/", ".")):
        return f"{uri.rpartition('@')[2]!r} is no Trackway address: write trackway://HOST:PORT, or trackways:// for TLS"
    return f"{uri.rpartition('@')[2]!r} lacks its scheme: write trackway://{uri.rpartition('@')[2]}"


def _host_and_port(authority: str, uri: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, port = authority.partition("]")
        host, port = host + bracket, port.removeprefix(":") if port.startswith(":") or not port else "?"
        _check_ipv6(host, uri)
    elif authority.count(":") > 1:
        raise InvalidArgument(f"{uri!r} holds an IPv6 address without brackets: write trackway://[ADDRESS]:PORT")
    else:
        host, _, port = authority.partition(":")
        _check_host(host, uri)
    return host.lower(), _port(port, uri) if port or authority.endswith(":") else DEFAULT_PORT


def _check_host(host: str, uri: str) -> None:
    if not host:
        raise InvalidArgument(f"{uri!r} names no host: write trackway://HOST:PORT")
    if not all(letter.isalnum() or letter in "-._" for letter in host):
        raise InvalidArgument(
            f"{uri!r} holds a host with a character that hosts do not have: write trackway://HOST:PORT"
        )


def _check_ipv6(host: str, uri: str) -> None:
    if not host.endswith("]") or ":" not in host or not set(host[1:-1]) <= set("0123456789abcdefABCDEF:."):
        raise InvalidArgument(f"{uri!r} holds no IPv6 address between its brackets: write trackway://[::1]:7701")


def _port(text: str, uri: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise InvalidArgument(f"{uri!r} has no valid port: write a number from 1 to 65535, for example {DEFAULT_PORT}")
    return int(text)


def _profile_token(profile: dict[str, Any], target: str) -> str | None:
    servers = profile.get("servers")
    if not isinstance(servers, dict):
        return None
    host, _, port = target.rpartition(":")
    names = [target, *(f"{loopback}:{port}" for loopback in _LOOPBACK if host == "localhost")]
    found = (_text(servers[name], "token") for name in names if isinstance(servers.get(name), dict))
    return next((token for token in found if token), None)


def _text(table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f'{key!r} in the profile is not a text: write {key} = "…"')
    return value or None


def _checked_key(key: str | None) -> str | None:
    if key is None:
        return None
    if not key.strip().isascii() or not key.strip().isprintable():
        raise InvalidArgument(
            "the key holds a character that no key has: copy it again (TRACKWAY_TOKEN or the profile)"
        )
    return key.strip() or None
