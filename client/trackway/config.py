"""Where the server is, and with which key: the manual.

Each setting is taken from the first place that has it:

1. **arguments**: `Client("trackway://…", token="…")`, `trackway.set_tracking_uri("trackway://…")`
2. **environment variables**
3. **the profile**, a TOML file that belongs to you alone (mode 0600)
4. the **default**

| Setting     | Environment variable   | Profile                             | Default                           |
|-------------|------------------------|-------------------------------------|-----------------------------------|
| server      | `TRACKWAY_URI`         | `uri = "trackway://…"`              | `trackway://127.0.0.1:7701`       |
| key         | `TRACKWAY_TOKEN`       | `[servers."HOST:PORT"] token`       | none                              |
| or a token  | `TRACKWAY_OIDC_TOKEN_FILE` | `[servers."HOST:PORT"] oidc_token_file` | none                      |
| authority   | `TRACKWAY_CA_FILE`     | `[servers."HOST:PORT"] ca_file`     | those that gRPC ships             |
| certificate | `TRACKWAY_CLIENT_CERT` | `[servers."HOST:PORT"] client_cert` | none                              |
| its key     | `TRACKWAY_CLIENT_KEY`  | `[servers."HOST:PORT"] client_key`  | none                              |
| workspace   | `TRACKWAY_WORKSPACE`   | –                                   | `default`                         |
| profile     | `TRACKWAY_PROFILE`     | –                                   | `~/.config/trackway/profile.toml` |
| spools      | `TRACKWAY_SPOOL_DIR`   | –                                   | `~/.local/share/trackway/spool`   |
| their bound | `TRACKWAY_SPOOL_MAX_BYTES` | –                               | none: the disk                    |
| rank        | `TRACKWAY_RANK_CONTEXT` | –                                  | `auto` (see `attach_run`)         |

What goes along with a run is chosen by arguments of `start_run` and `attach_run`, else by these variables, else by the
profile, where their names stand in lower case and without `TRACKWAY_`:

| Setting                        | Environment variable                             | Default |
|--------------------------------|--------------------------------------------------|---------|
| record the console             | `TRACKWAY_LOG_CONSOLE`                           | `false` |
| its colours: `strip`, `keep`   | `TRACKWAY_CONSOLE_ANSI`                          | `strip` |
| its bytes, of a process        | `TRACKWAY_CONSOLE_MAX_BYTES`                     | 32 MiB  |
| record system metrics          | `TRACKWAY_ENABLE_SYSTEM_METRICS_LOGGING`         | `false` |
| seconds between samples        | `TRACKWAY_SYSTEM_METRICS_SAMPLING_INTERVAL`      | 10      |
| samples to take the mean of    | `TRACKWAY_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING` | 1       |
| the machine's name in metrics  | `TRACKWAY_SYSTEM_METRICS_NODE_ID`                | none    |
| source: `full`, `tags`, `off`  | `TRACKWAY_CAPTURE_SOURCE`                        | `full`  |

**Source.** Every run tells user and script (`off`: nothing else), commit and branch of its git repository, command
line, working directory, host, version of Python and the repository's remote. With `full` these last are recorded some
moments later by a process that the uplink starts, together with the changes that are not committed
(`source/diff.patch`, at most 4 MiB, and the tag `mlflow.source.git.dirty`) and the packages
(`source/requirements.txt`). Files that git does not track are never looked at. Credentials in addresses and values of
options that are named like secrets (`--token`, `--api-key=…`) are left out; secrets in files that are tracked are in
the diff: keep them out of repositories, or choose `tags`. A nested run has its parent's.

The two folders follow `XDG_CONFIG_HOME` and `XDG_DATA_HOME` where those are set.

**Addresses.** `trackway://HOST:PORT` is plain text, meant for this machine; `trackways://HOST:PORT` is TLS. The port
may be left out and is then 7701. An IPv6 address stands in brackets: `trackway://[::1]:7701`.

**Several servers** that share their data (replicas) stand in one address: `trackway://a:7701,b:7701`. Calls take turns
among those that are healthy, and a call that may be repeated goes to another one when its server dies. A host name
with several addresses (a headless service of Kubernetes, say) does the same and follows the name system while it runs;
the names in a list are looked up when the connection is opened. With TLS, the certificates of all in a list must be
valid for the first name in it.

**TLS.** The server's certificate must be valid for the host in the address and come from an authority that is trusted:
those that gRPC ships or, instead of them, the ones in a PEM file of yours. A server that wants to know its clients by
certificate gets yours. The files are read when a connection is opened, and again when they have changed and a
connection is lost, so that they may be renewed at any time. Paths in the profile are relative to its folder, and `~`
is your home. Of these files the uplink is told the paths; nothing of them is ever written into a spool. Plain
`trackway://` takes no notice of them.

**Keys.** A server on this machine writes its key into your profile when it starts, so nothing needs to be set. A key
from the profile goes to the server it is noted for and to no other; `TRACKWAY_TOKEN` goes to whichever server is
chosen. A key never stands in an address. An API key (`twk_…`, see `trackway auth keys`) is exchanged for a token that
lives some minutes, again and again, without your doing.

**Workspaces.** Everything lies in a workspace, in which you need a role; `Client(workspace="…")`, or the variable for
whole programs: what a script logs, and what the command line lists.

**Tokens of others.** In place of a key, `TRACKWAY_OIDC_TOKEN_FILE` names a file with an ID or access token of an OIDC
issuer that the server trusts: what GitHub Actions, GitLab or Kubernetes give a job. It is exchanged just so, and read
again when it has changed, so that whoever made it may renew it in place. A key counts first; what the environment has
counts before what the profile has. With neither, a client certificate may say who you are.

A profile looks like this:

    uri = "trackways://trackway.example.org"

    [servers."127.0.0.1:7701"]
    token = "tw_…"

    [servers."trackway.example.org:7701"]
    token = "tw_…"
    ca_file = "company-ca.pem"

A list of servers is noted under its whole name, `[servers."a:7701,b:7701"]`; what is noted of its single servers counts
where they all agree.

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
_TLS_FILES = ("ca_file", "client_cert", "client_key")
_FILES = (*_TLS_FILES, "oidc_token_file")
_NOTED = ("token", *_FILES)


class ServerAddress:
    """A server and the key for it. Immutable; its `repr` does not show the key."""

    __slots__ = ("ca_file", "client_cert", "client_key", "oidc_token_file", "target", "tls", "token", "uri")

    uri: str
    """`trackway://HOST:PORT` or `trackways://HOST:PORT`, the port always written; several with commas between them."""
    target: str
    """`HOST:PORT`; several with commas between them."""
    tls: bool
    token: str | None
    ca_file: str | None
    """Path of the authorities to trust instead of those that gRPC ships. With TLS only, like the next two."""
    client_cert: str | None
    client_key: str | None
    oidc_token_file: str | None
    """Path of a token of an OIDC issuer, which stands in for a key; None where there is one."""

    def __init__(
        self,
        uri: str,
        target: str,
        tls: bool,
        token: str | None = None,
        ca_file: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        oidc_token_file: str | None = None,
    ) -> None:
        values = (ca_file, client_cert, client_key, oidc_token_file, target, tls, token, uri)
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a ServerAddress cannot be changed: {name}")

    def __reduce__(self) -> tuple[type[ServerAddress], tuple[Any, ...]]:
        files = (self.ca_file, self.client_cert, self.client_key, self.oidc_token_file)
        return ServerAddress, (self.uri, self.target, self.tls, self.token, *files)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerAddress) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.uri, self.token))

    def __repr__(self) -> str:
        return f"ServerAddress({self.uri!r}, token={'given' if self.token else None})"

    def with_token_file(self, path: str) -> ServerAddress:
        """The same server, with a token of an OIDC issuer in place of a key."""
        return ServerAddress(
            self.uri, self.target, self.tls, None, self.ca_file, self.client_cert, self.client_key, path
        )

    @property
    def targets(self) -> list[str]:
        """`HOST:PORT` of each server."""
        return self.target.split(",")

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine; of several: all."""
        hosts = [target.rpartition(":")[0] for target in self.targets]
        return all(host in ("localhost", "[::1]") or host.startswith("127.") for host in hosts)


def resolve(
    uri: str | ServerAddress | None = None,
    *,
    token: str | None = None,
    files: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ServerAddress:
    """The server to talk to, by the order of this module's manual; a ServerAddress is taken as it is.

    `files` are those of `named_files`, where they are not to be looked for. Raises InvalidArgument for an address or a
    profile that cannot be read.
    """
    if isinstance(uri, ServerAddress):
        return uri
    chosen = uri or environ.get("TRACKWAY_URI")
    key = token or environ.get("TRACKWAY_TOKEN")
    files = files or named_files(environ)
    plain = chosen is not None and not chosen.strip().lower().startswith("trackways")
    profile = {} if chosen and plain and (key or "oidc_token_file" in files) else read_profile(environ)
    address = parse_uri(chosen or _text(profile, "uri") or DEFAULT_URI)
    noted = _noted(profile, address.targets)
    token_file = files.get("oidc_token_file")
    if not key and not token_file:
        key, token_file = noted.get("token"), noted.get("oidc_token_file")
        token_file = token_file and _absolute(token_file, os.path.dirname(profile_path(environ)))  # noqa: PTH120
    tls = _tls_paths(files, noted, environ) if address.tls else (None, None, None)
    return ServerAddress(address.uri, address.target, address.tls, _checked_key(key), *tls, None if key else token_file)


def chosen_workspace(environ: Mapping[str, str] = os.environ) -> str:
    """The workspace that the environment names."""
    return environ.get("TRACKWAY_WORKSPACE") or DEFAULT_WORKSPACE


def named_files(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The absolute paths of the files that the environment names: `ca_file`, `client_cert`, `client_key`,
    `oidc_token_file`."""
    given = ((name, environ.get(f"TRACKWAY_{name.upper()}")) for name in _FILES)
    return {name: _absolute(path, os.curdir) for name, path in given if path}


def parse_uri(uri: str) -> ServerAddress:
    """The address in `uri`, without a key and files. Raises InvalidArgument with what to write instead."""
    scheme, separator, rest = uri.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise InvalidArgument(_scheme_advice(uri, scheme.lower() if separator else "", rest))
    if "@" in rest:
        raise InvalidArgument("a server's address holds no key: write trackway://HOST:PORT and set TRACKWAY_TOKEN")
    authority = rest.removesuffix("/")
    if any(mark in authority for mark in "/?#"):
        raise InvalidArgument(f"{uri!r} goes on after the port: write trackway://HOST:PORT")
    pairs = (_host_and_port(part.strip(), uri) for part in authority.split(","))
    tls = _SCHEMES[scheme.lower()]
    target = ",".join(dict.fromkeys(f"{host}:{port}" for host, port in pairs))
    return ServerAddress(f"{'trackways' if tls else 'trackway'}://{target}", target, tls)


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


def _noted(profile: dict[str, Any], targets: list[str]) -> dict[str, str]:
    """What the profile notes of the servers: of the list as a whole, and of each where all agree."""
    servers = profile.get("servers")
    if not isinstance(servers, dict):
        return {}
    first, *others = (_noted_of(servers, target) for target in targets)
    agreed = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    return {**agreed, **_noted_of(servers, ",".join(targets))}


def _noted_of(servers: dict[str, Any], target: str) -> dict[str, str]:
    host, _, port = target.rpartition(":")
    names = [target, *(f"{loopback}:{port}" for loopback in _LOOPBACK if host == "localhost")]
    tables = [servers[name] for name in names if isinstance(servers.get(name), dict)]
    found = ((key, next((text for table in tables if (text := _text(table, key))), None)) for key in _NOTED)
    return {key: value for key, value in found if value}


def _tls_paths(
    files: Mapping[str, str], noted: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[str | None, str | None, str | None]:
    """CA file, client certificate and key: a certificate and its key come from the same place."""
    folder = os.path.dirname(profile_path(environ))  # noqa: PTH120
    profile = {name: _absolute(noted[name], folder) for name in _TLS_FILES if name in noted}
    pair = files if "client_cert" in files or "client_key" in files else profile
    cert, key = pair.get("client_cert"), pair.get("client_key")
    if bool(cert) != bool(key):
        missing = "TRACKWAY_CLIENT_KEY" if cert else "TRACKWAY_CLIENT_CERT"
        raise InvalidArgument(
            f"a client certificate and its key go together: set {missing}, or {missing[9:].lower()} in the profile"
        )
    return files.get("ca_file") or profile.get("ca_file"), cert, key


def _absolute(path: str, folder: str) -> str:
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))  # noqa: PTH100, PTH111, PTH118


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
